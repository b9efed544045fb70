#include "spool/spool_file.hpp"

#include "core/ids.hpp"
#include "spool/record.hpp"

namespace dunetrace::spool {
namespace {

constexpr std::int64_t kFormat = 1;

// Debian's SQLite overwrites what is deleted; what lies here lies in the open for its time anyway.
constexpr auto kSession = R"(
  PRAGMA synchronous = FULL;
  PRAGMA secure_delete = OFF;
  PRAGMA wal_autocheckpoint = 2000;
  PRAGMA journal_size_limit = 33554432;
  PRAGMA cache_size = -8192;
  PRAGMA temp_store = MEMORY;)";

constexpr auto kSchema = R"(
  CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS batches (
    position    INTEGER PRIMARY KEY,  -- of the batch's first event
    events      INTEGER NOT NULL,
    accepted_at REAL    NOT NULL,
    checksum    INTEGER NOT NULL,     -- of the record
    record      BLOB    NOT NULL
  );)";

Result<> make_schema(Connection& connection, const std::string& id) {
  DUNE_TRY_VOID(connection.exec(kSchema));
  DUNE_TRY(format, connection.integer("SELECT value FROM meta WHERE name = 'format'"));
  if (format == kFormat) return {};
  if (format != 0) {
    return fail(Code::conflict, "the file has format " + std::to_string(format) + ", this version reads format " +
                                    std::to_string(kFormat));
  }
  DUNE_TRY(meta, connection.prepare("INSERT INTO meta (name, value) VALUES ('id', ?), ('format', ?), ('next', 0)"));
  const auto own = id.empty() ? new_uuid() : id;
  meta.bind_text(1, own);
  meta.bind(2, kFormat);
  return meta.run();
}

}  // namespace

Result<SpoolFile> SpoolFile::prepared(Connection connection) {
  DUNE_TRY_VOID(connection.exec(kSession));
  DUNE_TRY(insert, connection.prepare("INSERT INTO batches (position, events, accepted_at, checksum, record) "
                                      "VALUES (?, ?, ?, ?, ?)"));
  DUNE_TRY(remove, connection.prepare("DELETE FROM batches WHERE position < ?"));
  DUNE_TRY(next, connection.prepare("UPDATE meta SET value = ? WHERE name = 'next'"));
  DUNE_TRY(read, connection.prepare("SELECT position, checksum, record FROM batches "
                                    "WHERE position >= ? AND position < ? ORDER BY position"));
  return SpoolFile(std::move(connection), std::move(insert), std::move(remove), std::move(next), std::move(read));
}

Result<SpoolFile> SpoolFile::open(const std::filesystem::path& path, const std::string& id) {
  DUNE_TRY(connection, Connection::open(path, Connection::Mode::create));
  DUNE_TRY_VOID(connection.exec("PRAGMA page_size = 8192; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"));
  DUNE_TRY_VOID(connection.exec("BEGIN IMMEDIATE"));
  DUNE_TRY_VOID(make_schema(connection, id));
  DUNE_TRY_VOID(connection.exec("COMMIT"));
  return prepared(std::move(connection));
}

Result<SpoolFile> SpoolFile::open_for_reading(const std::filesystem::path& path) {
  DUNE_TRY(connection, Connection::open(path, Connection::Mode::read_only));
  DUNE_TRY_VOID(connection.read_in_spite_of_damage());
  return prepared(std::move(connection));
}

Result<> SpoolFile::transaction(const std::function<Result<>()>& work) {
  auto done = connection_.exec("BEGIN IMMEDIATE");
  if (done) done = work();
  if (done) done = connection_.exec("COMMIT");
  // A failed commit may leave the transaction open; one that ended itself has nothing to roll back.
  if (!done && connection_.in_transaction()) static_cast<void>(connection_.exec("ROLLBACK"));
  return done;
}

Result<> SpoolFile::insert(const Row& row, std::string_view record) {
  insert_.bind(1, static_cast<std::int64_t>(row.position));
  insert_.bind(2, static_cast<std::int64_t>(row.events));
  insert_.bind(3, row.accepted_at);
  insert_.bind(4, static_cast<std::int64_t>(checksum(record)));
  insert_.bind_bytes(5, record);
  return insert_.run();
}

Result<> SpoolFile::remove_before(std::uint64_t position, std::uint64_t next) {
  remove_.bind(1, static_cast<std::int64_t>(position));
  DUNE_TRY_VOID(remove_.run());
  next_.bind(1, static_cast<std::int64_t>(next));
  return next_.run();
}

Result<> SpoolFile::read(std::uint64_t from, std::uint64_t to,
                         const std::function<bool(std::uint64_t, AcceptedBatch)>& take,
                         const std::function<void(const std::string&)>& damaged) {
  read_.bind(1, static_cast<std::int64_t>(from));
  read_.bind(2, static_cast<std::int64_t>(to));
  while (true) {
    auto row = read_.step();
    if (!row || !*row) {
      read_.reset();
      if (!row) return tl::unexpected(std::move(row).error());
      return {};
    }
    const auto position = static_cast<std::uint64_t>(read_.integer(0));
    const auto record = read_.bytes(2);
    const bool sound = checksum(record) == static_cast<std::uint64_t>(read_.integer(1));
    auto batch = from_record(std::string(record));
    if (!sound || !batch) {
      damaged("batch at position " + std::to_string(position) + ": " +
              (sound ? batch.error().text : "its bytes are not those that were written"));
    } else if (!take(position, std::move(*batch))) {
      read_.reset();
      return {};
    }
  }
}

Result<> SpoolFile::checkpoint() { return connection_.exec("PRAGMA wal_checkpoint(TRUNCATE)"); }

Result<std::int64_t> SpoolFile::file_bytes() {
  DUNE_TRY(pages, connection_.integer("PRAGMA page_count"));
  DUNE_TRY(size, connection_.integer("PRAGMA page_size"));
  return pages * size;
}

std::vector<std::filesystem::path> files_of(const std::filesystem::path& path) {
  return {path, path.string() + "-wal", path.string() + "-shm"};
}

}  // namespace dunetrace::spool
