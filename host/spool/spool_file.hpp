// The file of the disk spool: what is in it, and the few things done to it. Internal to spool/ but for inspect(),
// which commands use. One thread at a time per object.
#pragma once

#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "core/batch.hpp"
#include "spool/spool.hpp"
#include "spool/sqlite.hpp"

namespace dunetrace::spool {

// A batch in the file, without its record.
struct Row {
  std::uint64_t position = 0;  // of the first event
  std::uint64_t bytes = 0;     // of the record
  double accepted_at = 0;      // Unix seconds
  std::uint32_t events = 0;
  [[nodiscard]] std::uint64_t end() const { return position + events; }
};

inline constexpr auto kMostPositions = std::uint64_t{1} << 62;  // nobody comes that far

// What lies in a file, and whether it is sound.
struct Inspection {
  std::string id;          // empty when it cannot be read
  std::uint64_t next = 0;  // position of the next event
  std::deque<Row> rows;    // sound ones, by position
  std::vector<std::string> problems;
};

class SpoolFile {
 public:
  // Opens the file, or makes one with a fresh id (or `id`, when given).
  [[nodiscard]] static Result<SpoolFile> open(const std::filesystem::path& path, const std::string& id = {});
  // For a second connection that only reads, also what is left of a damaged file.
  [[nodiscard]] static Result<SpoolFile> open_for_reading(const std::filesystem::path& path);

  // One transaction: `work` inserts and removes. Durable when it returns; nothing is changed when it fails.
  [[nodiscard]] Result<> transaction(const std::function<Result<>()>& work);
  [[nodiscard]] Result<> insert(const Row& row, std::string_view record);
  [[nodiscard]] Result<> remove_before(std::uint64_t position, std::uint64_t next);
  // Where so many rows end; nothing when there are no more. Reads them.
  [[nodiscard]] Result<std::optional<std::uint64_t>> position_behind(std::size_t rows);

  // Answers by key; the first one stays.
  [[nodiscard]] Result<> insert(const FirstAnswer& answer);
  // Those given at exactly that time.
  [[nodiscard]] Result<> forget_answers_of(double at);
  // The newest ones, at most kMostAnswers, oldest first.
  [[nodiscard]] Result<std::vector<FirstAnswer>> answers();

  // Rows in [from, to) by position, each given to `take` until it says false.
  [[nodiscard]] Result<> read(std::uint64_t from, std::uint64_t to,
                              const std::function<bool(std::uint64_t position, AcceptedBatch batch)>& take,
                              const std::function<void(const std::string& problem)>& damaged);

  static constexpr std::uint64_t kPageBytes = 8192;

  // Everything in the main file, nothing in the log beside it. Code::conflict when somebody reads or carries over.
  [[nodiscard]] Result<> checkpoint();
  // As much of it as nobody is reading; others may go on writing.
  [[nodiscard]] Result<> carry_over();
  // Leaves that to others from now on, and counts.
  void count_log_pages() { connection_.count_log_pages(*log_pages_); }
  [[nodiscard]] std::size_t log_pages() const { return *log_pages_; }
  // Gives the room of removed rows back to the file system.
  [[nodiscard]] Result<> shrink() { return connection_.exec("VACUUM"); }
  [[nodiscard]] Result<std::int64_t> file_bytes();
  [[nodiscard]] Result<std::int64_t> free_bytes();  // of it, for new rows

 private:
  struct Statements {
    Statement read;
    Statement insert, remove, next, insert_answer, forget_answers;  // empty when it only reads
  };
  SpoolFile(Connection connection, Statements statements)
      : connection_(std::move(connection)), do_(std::move(statements)) {}
  [[nodiscard]] static Result<SpoolFile> for_writing(Connection connection);

  std::unique_ptr<std::size_t> log_pages_ = std::make_unique<std::size_t>(0);  // the connection knows its address
  Connection connection_;
  Statements do_;  // after the connection: they end first
};

// Reads everything: SQLite's own check, every record, every checksum. Changes nothing. Code::not_found without a file.
[[nodiscard]] Result<Inspection> inspect(const std::filesystem::path& path);

// What waits in a file, by its own word: quick however much it is, and checks nothing.
struct Overview {
  std::string id;
  std::uint64_t next = 0;
  std::uint64_t batches = 0, events = 0, bytes = 0;
  std::uint64_t oldest_position = 0;  // 0 when nothing waits
  double oldest_accepted_at = 0;      // Unix seconds
};
// Code::not_found without a file.
[[nodiscard]] Result<Overview> overview(const std::filesystem::path& path);

// Makes an empty log that long, with zeros, which SQLite takes for the end of a log. A commit that makes its file
// longer waits for the file system's journal, and so for whatever else is on its way to the disk; one that overwrites
// does not (bench/load/measure.py, part `disk`, shows both). Nobody may write to the spool meanwhile.
[[nodiscard]] Result<> lengthen_log(const std::filesystem::path& path, std::uint64_t bytes);

// The files that belong together: the database and what SQLite keeps beside it.
[[nodiscard]] std::vector<std::filesystem::path> files_of(const std::filesystem::path& path);

}  // namespace dunetrace::spool
