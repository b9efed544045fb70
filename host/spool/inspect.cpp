// Reading a spool file that may be damaged, for the start of the host and for `dunetrace spool verify`.
#include <algorithm>
#include <optional>

#include "core/ids.hpp"
#include "spool/log_check.hpp"
#include "spool/record.hpp"
#include "spool/sound_rows.hpp"
#include "spool/spool_file.hpp"

namespace dunetrace::spool {
namespace {

constexpr std::size_t kMostProblems = 20;  // more say nothing new

class Inspector {
 public:
  Inspector(Connection& connection, Inspection& out) : connection_(connection), out_(out) {}

  // The error is one of reading, which says nothing about the file.
  Result<> run() {
    note("check", check());
    note("file", connection_.read_in_spite_of_damage());
    note("table meta", read_meta());
    const auto rows = read_sound_rows(
        connection_,
        [this](const Row& row, std::string_view) -> Result<> {
          out_.rows.push_back(row);
          return {};
        },
        [this](std::string text) { problem(std::move(text)); });
    note("table batches", rows);
    std::ranges::sort(out_.rows, {}, &Row::position);
    if (!out_.rows.empty()) out_.next = std::max(out_.next, out_.rows.back().end());
    return unreadable_;
  }

 private:
  void problem(std::string text) {
    if (out_.problems.size() < kMostProblems) out_.problems.push_back(std::move(text));
  }
  void note(const std::string& where, const Result<>& result) {
    if (result) return;
    if (result.error().code != Code::invalid_argument) unreadable_ = result;
    problem(where + ": " + result.error().text);
  }

  Result<> check() {
    DUNE_TRY(statement, connection_.prepare("PRAGMA integrity_check(10)"));
    while (true) {
      DUNE_TRY(row, statement.step());
      if (!row) return {};
      if (const auto text = statement.bytes(0); text != "ok") problem(std::string(text));
    }
  }

  Result<> read_meta() {
    std::optional<std::uint64_t> sum;
    DUNE_TRY(statement, connection_.prepare("SELECT name, value FROM meta"));
    while (true) {
      DUNE_TRY(row, statement.step());
      if (!row) break;
      const std::string name(statement.bytes(0));
      if (name == "id") out_.id = statement.bytes(1);
      if (name == "id_checksum") sum = static_cast<std::uint64_t>(statement.integer(1));
      if (name == "next") out_.next = static_cast<std::uint64_t>(statement.integer(1));
    }
    if ((sum && *sum != checksum(out_.id)) || !is_uuid(out_.id)) out_.id.clear();
    if (out_.next > kMostPositions) {
      out_.next = 0;  // the batches and what is kept beside the file say where to go on
      problem("table meta: the next position makes no sense");
    }
    return out_.id.empty() ? fail(Code::invalid_argument, "the spool's id is missing or damaged") : Result<>{};
  }

  Connection& connection_;
  Inspection& out_;
  Result<> unreadable_;
};

// A file whose making was cut short has no table yet.
bool is_empty(Connection& connection) {
  const auto tables = connection.integer("SELECT count(*) FROM sqlite_master");
  return tables && *tables == 0;
}

Result<Connection> open_existing(const std::filesystem::path& path) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return fail(Code::not_found, path.string() + ": there is no spool here");
  auto connection = Connection::open(path, Connection::Mode::read_only);
  if (!connection) return tl::unexpected(std::move(connection.error()).in(path.string()));
  return connection;
}

Error nothing_yet(const std::filesystem::path& path) {
  return {Code::not_found, path.string() + ": there is no spool here yet"};
}

Result<Overview> read_overview(Connection& connection) {
  Overview out;
  DUNE_TRY(meta, connection.prepare("SELECT (SELECT value FROM meta WHERE name = 'id'), "
                                    "(SELECT value FROM meta WHERE name = 'next')"));
  DUNE_TRY(known, meta.step());
  if (known) {
    out.id = meta.bytes(0);
    out.next = static_cast<std::uint64_t>(meta.integer(1));
  }
  DUNE_TRY(sums, connection.prepare("SELECT count(*), sum(events), sum(length(record)), min(position) FROM batches"));
  DUNE_TRY(summed, sums.step());
  if (!summed || sums.integer(0) == 0) return out;
  out.batches = static_cast<std::uint64_t>(sums.integer(0));
  out.events = static_cast<std::uint64_t>(sums.integer(1));
  out.bytes = static_cast<std::uint64_t>(sums.integer(2));
  out.oldest_position = static_cast<std::uint64_t>(sums.integer(3));
  DUNE_TRY(oldest, connection.prepare("SELECT accepted_at FROM batches WHERE position = ?"));
  oldest.bind(1, static_cast<std::int64_t>(out.oldest_position));
  DUNE_TRY(there, oldest.step());
  if (there) out.oldest_accepted_at = oldest.real(0);
  return out;
}

}  // namespace

Result<Overview> overview(const std::filesystem::path& path) {
  DUNE_TRY(connection, open_existing(path));
  if (is_empty(connection)) return tl::unexpected(nothing_yet(path));
  auto found = read_overview(connection);
  if (!found) return fail(found.error().code, path.string() + ": " + found.error().text);
  return found;
}

Result<Inspection> inspect(const std::filesystem::path& path) {
  Inspection out;
  if (auto damage = damage_of_log(path.string() + "-wal")) out.problems.push_back(std::move(*damage));
  DUNE_TRY(connection, open_existing(path));
  if (out.problems.empty() && is_empty(connection)) return tl::unexpected(nothing_yet(path));
  const auto read = Inspector(connection, out).run();
  if (!read) return fail(read.error().code, path.string() + ": " + read.error().text);
  return out;
}

}  // namespace dunetrace::spool
