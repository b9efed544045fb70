#include "load/database.hpp"

#include <libpq-fe.h>

#include <chrono>
#include <cstdlib>
#include <thread>

namespace dunetrace::load {
namespace {

using Steady = std::chrono::steady_clock;

struct Clear {
  void operator()(PGresult* result) const { PQclear(result); }
};
using ResultPtr = std::unique_ptr<PGresult, Clear>;

}  // namespace

void Database::Close::operator()(pg_conn* connection) const { PQfinish(connection); }

Database::Database(pg_conn* connection) : connection_(connection) {}

Error Database::error(const char* what) const {
  return {Code::unavailable, std::string(what) + ": " + PQerrorMessage(connection_.get())};
}

Result<Database> Database::open(const std::string& url) {
  Database database(PQconnectdb(url.c_str()));
  if (PQstatus(database.connection_.get()) != CONNECTION_OK) return tl::unexpected(database.error("database"));
  return database;
}

Result<> Database::put(const std::string& rows) {
  auto* const pg = connection_.get();
  static const std::string command = std::string("COPY events (") + kCopyColumns + ") FROM STDIN";
  const ResultPtr begun(PQexec(pg, command.c_str()));
  if (PQresultStatus(begun.get()) != PGRES_COPY_IN) return tl::unexpected(error("COPY"));
  if (PQputCopyData(pg, rows.data(), static_cast<int>(rows.size())) != 1 || PQputCopyEnd(pg, nullptr) != 1) {
    return tl::unexpected(error("COPY"));
  }
  Result<> done;
  while (const ResultPtr result{PQgetResult(pg)}) {
    if (PQresultStatus(result.get()) != PGRES_COMMAND_OK) done = tl::unexpected(error("COPY"));
  }
  return done;
}

Result<Database::Copied> Database::copy(std::vector<Batch>& batches, std::uint32_t first_lap,
                                        const CopyOptions& options) {
  const auto first = Steady::now();
  const auto time_for = [&options](std::uint64_t rows) {
    return std::chrono::nanoseconds(
        options.rows_per_s > 0 ? static_cast<std::int64_t>(1e9 * static_cast<double>(rows) / options.rows_per_s) : 0);
  };
  Copied copied;
  std::size_t next = 0;
  auto lap = first_lap;
  std::string rows;
  while (copied.seconds < options.seconds && time_for(copied.rows) < std::chrono::duration<double>(options.seconds)) {
    rows.clear();
    std::size_t count = 0;
    while (count < options.group_rows) {
      if (next == batches.size()) next = 0, ++lap;
      count += batches[next].events;
      rows += batches[next++].rows.of_lap(lap);
    }
    std::this_thread::sleep_until(first + time_for(copied.rows));
    const auto begin = Steady::now();
    DUNE_TRY_VOID(put(rows));  // a transaction of its own
    copied.seconds += std::chrono::duration<double>(Steady::now() - begin).count();
    copied.rows += count;
  }
  return copied;
}

Result<std::uint64_t> Database::position() {
  const ResultPtr result(PQexec(connection_.get(), "SELECT coalesce(sum(position), 0) FROM spool_positions"));
  if (PQresultStatus(result.get()) != PGRES_TUPLES_OK) return tl::unexpected(error("positions"));
  return std::strtoull(PQgetvalue(result.get(), 0, 0), nullptr, 10);
}

Result<std::unordered_map<std::string, std::uint64_t>> Database::stored_batches() {
  const ResultPtr result(
      PQexec(connection_.get(), "SELECT batch_id, count(*) FROM events WHERE customer_id <> 'load-copy' GROUP BY 1"));
  if (PQresultStatus(result.get()) != PGRES_TUPLES_OK) return tl::unexpected(error("batches"));
  std::unordered_map<std::string, std::uint64_t> stored;
  for (int i = 0; i < PQntuples(result.get()); ++i) {
    stored[PQgetvalue(result.get(), i, 0)] = std::strtoull(PQgetvalue(result.get(), i, 1), nullptr, 10);
  }
  return stored;
}

}  // namespace dunetrace::load
