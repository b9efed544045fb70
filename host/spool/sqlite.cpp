#include "spool/sqlite.hpp"

#include <sqlite3.h>

namespace dunetrace::spool {
namespace {

constexpr int kBusyTimeoutMs = 2'000;  // only our own other connections and the read-only commands are met

tl::unexpected<Error> error_of(sqlite3* database, int result) {
  const std::string text = database != nullptr ? sqlite3_errmsg(database) : sqlite3_errstr(result);
  switch (result & 0xff) {
    case SQLITE_FULL:
      return fail(Code::unavailable, text);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_FORMAT:
    case SQLITE_ERROR:  // "no such table": not a file of ours
      return fail(Code::invalid_argument, text);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return fail(Code::conflict, text);
    default:
      return fail(Code::internal, text + " (SQLite " + std::to_string(result) + ")");
  }
}

}  // namespace

void Statement::End::operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
void Connection::Close::operator()(sqlite3* database) const { sqlite3_close_v2(database); }

void Statement::bind(int index, std::int64_t value) { sqlite3_bind_int64(statement_.get(), index, value); }
void Statement::bind(int index, double value) { sqlite3_bind_double(statement_.get(), index, value); }
void Statement::bind_bytes(int index, std::string_view value) {
  sqlite3_bind_blob64(statement_.get(), index, value.data(), value.size(), SQLITE_STATIC);
}
void Statement::bind_text(int index, std::string_view value) {
  sqlite3_bind_text64(statement_.get(), index, value.data(), value.size(), SQLITE_STATIC, SQLITE_UTF8);
}

Result<bool> Statement::step() {
  const auto result = sqlite3_step(statement_.get());
  if (result == SQLITE_ROW) return true;
  if (result == SQLITE_DONE) return false;
  return error_of(sqlite3_db_handle(statement_.get()), result);
}

Result<> Statement::run() {
  auto more = step();
  while (more && *more) more = step();
  reset();
  if (!more) return tl::unexpected(std::move(more).error());
  return {};
}

void Statement::reset() { sqlite3_reset(statement_.get()); }

std::int64_t Statement::integer(int column) const { return sqlite3_column_int64(statement_.get(), column); }
double Statement::real(int column) const { return sqlite3_column_double(statement_.get(), column); }
std::string_view Statement::bytes(int column) const {
  const auto* data = static_cast<const char*>(sqlite3_column_blob(statement_.get(), column));
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column));
  return data == nullptr ? std::string_view("") : std::string_view(data, size);
}

Result<Connection> Connection::open(const std::filesystem::path& path, Mode mode) {
  sqlite3* database = nullptr;
  int flags = SQLITE_OPEN_NOMUTEX;
  flags |= mode == Mode::read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
  if (mode == Mode::create) flags |= SQLITE_OPEN_CREATE;
  const auto result = sqlite3_open_v2(path.c_str(), &database, flags, nullptr);
  Connection connection(database);  // also when it failed: it must be closed
  if (result != SQLITE_OK) return error_of(database, result);
  sqlite3_extended_result_codes(database, 1);
  sqlite3_busy_timeout(database, kBusyTimeoutMs);
  return connection;
}

Result<Statement> Connection::prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  const auto result = sqlite3_prepare_v3(database_.get(), sql.data(), static_cast<int>(sql.size()),
                                         SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (result != SQLITE_OK) return error_of(database_.get(), result);
  return Statement(statement);
}

Result<> Connection::exec(const std::string& sql) {
  const auto result = sqlite3_exec(database_.get(), sql.c_str(), nullptr, nullptr, nullptr);
  if (result != SQLITE_OK) return error_of(database_.get(), result);
  return {};
}

Result<std::int64_t> Connection::integer(const std::string& sql) {
  DUNE_TRY(statement, prepare(sql));
  DUNE_TRY(row, statement.step());
  return row ? statement.integer(0) : 0;
}

void Connection::count_log_pages(std::size_t& pages) {
  const auto count = [](void* target, sqlite3*, const char*, int now) {
    *static_cast<std::size_t*>(target) = static_cast<std::size_t>(now);
    return SQLITE_OK;
  };
  sqlite3_wal_hook(database_.get(), count, &pages);
}

bool Connection::in_transaction() const { return sqlite3_get_autocommit(database_.get()) == 0; }

}  // namespace dunetrace::spool
