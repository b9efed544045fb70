// SQLite with errors as values. Internal to spool/. One thread at a time per connection.
//   DUNE_TRY(statement, connection.prepare("SELECT position FROM batches WHERE position >= ?"));
//   statement.bind(1, 7); DUNE_TRY(row, statement.step()); if (row) … statement.integer(0) …
// Codes: unavailable when the disk is full, invalid_argument when the file is damaged or no database, conflict when
// another process holds it, internal otherwise.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "core/result.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace dunetrace::spool {

class Statement {
 public:
  Statement() = default;  // of nothing; only to be assigned to
  explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}

  // Parameters count from 1. Bytes are not copied: they live until the next reset().
  void bind(int index, std::int64_t value);
  void bind(int index, double value);
  void bind_bytes(int index, std::string_view value);
  void bind_text(int index, std::string_view value);

  [[nodiscard]] Result<bool> step();  // true = there is a row
  [[nodiscard]] Result<> run();       // to the end, and ready for the next time
  void reset();

  // Columns count from 0; texts are valid until the next step.
  [[nodiscard]] std::int64_t integer(int column) const;
  [[nodiscard]] double real(int column) const;
  [[nodiscard]] std::string_view bytes(int column) const;

 private:
  struct End {
    void operator()(sqlite3_stmt* statement) const;
  };
  std::unique_ptr<sqlite3_stmt, End> statement_;
};

class Connection {
 public:
  enum class Mode { read_only, read_write, create };
  [[nodiscard]] static Result<Connection> open(const std::filesystem::path& path, Mode mode);

  [[nodiscard]] Result<Statement> prepare(std::string_view sql);
  [[nodiscard]] Result<> exec(const std::string& sql);
  [[nodiscard]] Result<std::int64_t> integer(const std::string& sql);  // the first column of the first row, or 0
  [[nodiscard]] bool in_transaction() const;
  // From now on `pages` says after each commit how many the log holds; SQLite leaves it to others to carry them over.
  void count_log_pages(std::size_t& pages);
  // From now on a file that is shorter than it says can be read as far as it goes.
  [[nodiscard]] Result<> read_in_spite_of_damage() { return exec("PRAGMA writable_schema = ON"); }

 private:
  struct Close {
    void operator()(sqlite3* database) const;
  };
  explicit Connection(sqlite3* database) : database_(database) {}
  std::unique_ptr<sqlite3, Close> database_;
};

}  // namespace dunetrace::spool
