#include "spool/spool_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "core/ids.hpp"
#include "core/private_files.hpp"
#include "spool/record.hpp"

namespace dunetrace::spool {
namespace {

// 2: the checksum of a batch covers its position, and the id has one.
constexpr std::int64_t kFormat = 2;

// Debian's SQLite overwrites what is deleted; what lies here lies in the open for its time anyway.
constexpr auto kSession = R"(
  PRAGMA synchronous = FULL;
  PRAGMA secure_delete = OFF;
  PRAGMA wal_autocheckpoint = 2000;
  PRAGMA journal_size_limit = 67108864;
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
  );
  CREATE TABLE IF NOT EXISTS answers (
    key          BLOB    PRIMARY KEY,  -- AcceptedBatch::idempotency_key
    batch_id     TEXT    NOT NULL,
    events       INTEGER NOT NULL,
    at           REAL    NOT NULL,
    request_hash INTEGER NOT NULL DEFAULT 0
  ) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS answers_at ON answers (at);)";

// From format 1. What is in it stays as it is (is_sound() knows both).
Result<> upgrade(Connection& connection) {
  std::string id;
  {
    DUNE_TRY(read, connection.prepare("SELECT value FROM meta WHERE name = 'id'"));
    DUNE_TRY(row, read.step());
    if (row) id = read.bytes(0);
  }
  DUNE_TRY(write,
           connection.prepare("INSERT OR REPLACE INTO meta (name, value) VALUES ('id_checksum', ?), ('format', ?)"));
  write.bind(1, static_cast<std::int64_t>(checksum(id)));
  write.bind(2, kFormat);
  return write.run();
}

constexpr auto kRead =
    "SELECT position, checksum, record FROM batches WHERE position >= ? AND position < ? ORDER BY position";

// Files made before requests were told apart.
Result<> add_request_hash(Connection& connection) {
  DUNE_TRY(there, connection.integer("SELECT count(*) FROM pragma_table_info('answers') WHERE name = 'request_hash'"));
  if (there > 0) return {};
  return connection.exec("ALTER TABLE answers ADD COLUMN request_hash INTEGER NOT NULL DEFAULT 0");
}

Result<> make_schema(Connection& connection, const std::string& id) {
  DUNE_TRY_VOID(connection.exec(kSchema));
  DUNE_TRY_VOID(add_request_hash(connection));
  DUNE_TRY(format, connection.integer("SELECT value FROM meta WHERE name = 'format'"));
  if (format == kFormat) return {};
  if (format == 1) return upgrade(connection);
  if (format != 0) {
    return fail(Code::conflict, "the file has format " + std::to_string(format) + ", this version reads format " +
                                    std::to_string(kFormat));
  }
  DUNE_TRY(meta, connection.prepare("INSERT INTO meta (name, value) "
                                    "VALUES ('id', ?), ('id_checksum', ?), ('format', ?), ('next', 0)"));
  const auto own = id.empty() ? new_uuid() : id;
  meta.bind_text(1, own);
  meta.bind(2, static_cast<std::int64_t>(checksum(own)));
  meta.bind(3, kFormat);
  return meta.run();
}

}  // namespace

Result<SpoolFile> SpoolFile::for_writing(Connection connection) {
  DUNE_TRY_VOID(connection.exec(kSession));
  DUNE_TRY(insert, connection.prepare("INSERT INTO batches (position, events, accepted_at, checksum, record) "
                                      "VALUES (?, ?, ?, ?, ?)"));
  DUNE_TRY(remove, connection.prepare("DELETE FROM batches WHERE position < ?"));
  DUNE_TRY(next, connection.prepare("UPDATE meta SET value = ? WHERE name = 'next'"));
  DUNE_TRY(read, connection.prepare(kRead));
  DUNE_TRY(answer, connection.prepare("INSERT OR IGNORE INTO answers (key, batch_id, events, at, request_hash) "
                                      "VALUES (?, ?, ?, ?, ?)"));
  DUNE_TRY(forget, connection.prepare("DELETE FROM answers WHERE at = ?"));
  return SpoolFile(std::move(connection), {std::move(read), std::move(insert), std::move(remove), std::move(next),
                                           std::move(answer), std::move(forget)});
}

Result<SpoolFile> SpoolFile::open(const std::filesystem::path& path, const std::string& id) {
  create_private_file(path);  // SQLite gives the files beside it the same rights
  DUNE_TRY(connection, Connection::open(path, Connection::Mode::create));
  DUNE_TRY_VOID(connection.exec("PRAGMA page_size = " + std::to_string(kPageBytes) +
                                "; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"));
  DUNE_TRY_VOID(connection.exec("BEGIN IMMEDIATE"));
  DUNE_TRY_VOID(make_schema(connection, id));
  DUNE_TRY_VOID(connection.exec("COMMIT"));
  return for_writing(std::move(connection));
}

Result<SpoolFile> SpoolFile::open_for_reading(const std::filesystem::path& path) {
  DUNE_TRY(connection, Connection::open(path, Connection::Mode::read_only));
  DUNE_TRY_VOID(connection.exec(kSession));
  DUNE_TRY_VOID(connection.read_in_spite_of_damage());
  DUNE_TRY(read, connection.prepare(kRead));
  return SpoolFile(std::move(connection), {std::move(read), {}, {}, {}, {}, {}});
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
  do_.insert.bind(1, static_cast<std::int64_t>(row.position));
  do_.insert.bind(2, static_cast<std::int64_t>(row.events));
  do_.insert.bind(3, row.accepted_at);
  do_.insert.bind(4, static_cast<std::int64_t>(checksum(record, row.position)));
  do_.insert.bind_bytes(5, record);
  return do_.insert.run();
}

Result<> SpoolFile::remove_before(std::uint64_t position, std::uint64_t next) {
  do_.remove.bind(1, static_cast<std::int64_t>(position));
  DUNE_TRY_VOID(do_.remove.run());
  do_.next.bind(1, static_cast<std::int64_t>(next));
  return do_.next.run();
}

Result<std::optional<std::uint64_t>> SpoolFile::position_behind(std::size_t rows) {
  DUNE_TRY(statement, connection_.prepare("SELECT position FROM batches ORDER BY position LIMIT 1 OFFSET ?"));
  statement.bind(1, static_cast<std::int64_t>(rows));
  DUNE_TRY(row, statement.step());
  if (!row) return std::nullopt;
  return static_cast<std::uint64_t>(statement.integer(0));
}

Result<> SpoolFile::read(std::uint64_t from, std::uint64_t to,
                         const std::function<bool(std::uint64_t, AcceptedBatch)>& take,
                         const std::function<void(const std::string&)>& damaged) {
  do_.read.bind(1, static_cast<std::int64_t>(from));
  do_.read.bind(2, static_cast<std::int64_t>(to));
  while (true) {
    auto row = do_.read.step();
    if (!row || !*row) {
      do_.read.reset();
      if (!row) return tl::unexpected(std::move(row).error());
      return {};
    }
    const auto position = static_cast<std::uint64_t>(do_.read.integer(0));
    const auto record = do_.read.bytes(2);
    const bool sound = is_sound(record, position, static_cast<std::uint64_t>(do_.read.integer(1)));
    auto batch = from_record(std::string(record));
    if (!sound || !batch) {
      damaged("batch at position " + std::to_string(position) + ": " +
              (sound ? batch.error().text : "its bytes are not those that were written"));
    } else if (!take(position, std::move(*batch))) {
      do_.read.reset();
      return {};
    }
  }
}

Result<> SpoolFile::insert(const FirstAnswer& answer) {
  do_.insert_answer.bind_bytes(1, answer.key);
  do_.insert_answer.bind_text(2, answer.batch_id);
  do_.insert_answer.bind(3, static_cast<std::int64_t>(answer.events));
  do_.insert_answer.bind(4, answer.at);
  do_.insert_answer.bind(5, static_cast<std::int64_t>(answer.request_hash));
  return do_.insert_answer.run();
}

Result<> SpoolFile::forget_answers_of(double at) {
  do_.forget_answers.bind(1, at);
  return do_.forget_answers.run();
}

Result<std::vector<FirstAnswer>> SpoolFile::answers() {
  DUNE_TRY(statement, connection_.prepare("SELECT key, batch_id, events, at, request_hash FROM answers "
                                          "ORDER BY at DESC LIMIT ?"));
  statement.bind(1, static_cast<std::int64_t>(kMostAnswers));
  std::vector<FirstAnswer> answers;
  while (true) {
    DUNE_TRY(row, statement.step());
    if (!row) break;
    answers.push_back({std::string(statement.bytes(0)), std::string(statement.bytes(1)),
                       static_cast<std::uint64_t>(statement.integer(2)), statement.real(3),
                       static_cast<std::uint64_t>(statement.integer(4))});
  }
  std::ranges::reverse(answers);
  return answers;
}

Result<> SpoolFile::checkpoint() {
  DUNE_TRY(busy, connection_.integer("PRAGMA wal_checkpoint(TRUNCATE)"));
  if (busy != 0) return fail(Code::conflict, "the log is in use");
  *log_pages_ = 0;
  return {};
}

Result<> SpoolFile::carry_over() { return connection_.exec("PRAGMA wal_checkpoint(PASSIVE)"); }

Result<std::int64_t> SpoolFile::file_bytes() {
  DUNE_TRY(pages, connection_.integer("PRAGMA page_count"));
  DUNE_TRY(size, connection_.integer("PRAGMA page_size"));
  return pages * size;
}

Result<std::int64_t> SpoolFile::free_bytes() {
  DUNE_TRY(pages, connection_.integer("PRAGMA freelist_count"));
  return pages * static_cast<std::int64_t>(kPageBytes);
}

Result<> lengthen_log(const std::filesystem::path& path, std::uint64_t bytes) {
  const auto log = files_of(path)[1];
  std::error_code missing;
  if (std::filesystem::file_size(log, missing) != 0 || missing) return {};
  const int fd = ::open(log.c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0) return fail(Code::unavailable, log.string() + ": " + std::strerror(errno));
  const std::string zeros(1024 * 1024, '\0');
  std::uint64_t written = 0;
  bool good = true;
  while (good && written < bytes) {
    const auto n = ::write(fd, zeros.data(), std::min<std::uint64_t>(zeros.size(), bytes - written));
    if (n > 0) written += static_cast<std::uint64_t>(n);
    good = n > 0 || (n < 0 && errno == EINTR);
  }
  good = good && ::fdatasync(fd) == 0;
  Result<> done;
  if (!good) done = fail(Code::unavailable, log.string() + ": " + std::strerror(errno));
  if (!good) static_cast<void>(::ftruncate(fd, 0) == 0);
  ::close(fd);
  return done;
}

std::vector<std::filesystem::path> files_of(const std::filesystem::path& path) {
  return {path, path.string() + "-wal", path.string() + "-shm"};
}

}  // namespace dunetrace::spool
