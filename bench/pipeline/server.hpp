// A PostgreSQL server as `dunetrace up` runs it, with databases that are copies of one another, and plain connections
// to them. One thread per connection; what goes wrong ends the program.
#pragma once

#include <libpq-fe.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "store/managed_postgres.hpp"
#include "telemetry/log.hpp"

namespace dunetrace::load {

// Throws std::runtime_error with `what` and the reason.
[[noreturn]] void give_up(std::string_view what, std::string_view why);

class Connection {
 public:
  explicit Connection(const std::string& url);
  void exec(const std::string& sql);
  [[nodiscard]] std::string scalar(const std::string& sql);
  void copy(const std::string& command, const std::string& rows);
  // The rows that came, which are thrown away.
  std::size_t select(const char* sql, const std::vector<std::string>& parameters);
  // All rows, their columns separated by two blanks.
  [[nodiscard]] std::vector<std::string> lines(const std::string& sql);
  // First columns of all rows.
  [[nodiscard]] std::vector<std::string> column(const std::string& sql);

 private:
  struct Close {
    void operator()(PGconn* connection) const { PQfinish(connection); }
    void operator()(PGresult* result) const { PQclear(result); }
  };
  using Rows = std::unique_ptr<PGresult, Close>;
  Rows checked(PGresult* result, std::string_view what) const;
  std::unique_ptr<PGconn, Close> connection_;
};

class Server {
 public:
  Server(telemetry::Logger& log, std::vector<std::string> settings);  // beside those of the product
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  [[nodiscard]] std::string url(const std::string& database) const;
  // An empty database with the schema.
  void make(const std::string& database);
  // Replaces `database` by a copy, so that every part of a measurement begins with the same files.
  void copy(const std::string& from, const std::string& database);
  // CPU time of the server and all of its processes so far.
  [[nodiscard]] double cpu_seconds() const;

 private:
  telemetry::Logger& log_;
  std::filesystem::path folder_;
  std::unique_ptr<store::ManagedPostgres> server_;
  std::string host_;
};

}  // namespace dunetrace::load
