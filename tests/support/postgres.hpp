// A real PostgreSQL for tests: one private server per test program, one fresh database per test.
//   class Keys : public ::testing::Test { protected: TestDatabase database; store::Database& db = database.db(); };
//   database.exec("INSERT …"); EXPECT_EQ(database.scalar("SELECT count(*) FROM runs"), "1");
// Use from the test's main thread unless said otherwise. Failing to get a server throws: without one no test means
// anything.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "store/database.hpp"
#include "store/managed_postgres.hpp"
#include "telemetry/metrics.hpp"
#include "testing/temp_dir.hpp"
#include "testing/test_log.hpp"

namespace dunetrace::testing {

class TestPostgres {
 public:
  // Started with the first call, stopped at the end of the program.
  [[nodiscard]] static TestPostgres& instance();
  ~TestPostgres();

  // Connection text for a database of this server, "postgres" for instance.
  [[nodiscard]] std::string url(const std::string& database) const;

  // An outage: the server ends, and comes back on the same socket with the same data.
  void stop();
  void start();
  [[nodiscard]] bool running() const { return server_ != nullptr; }

 private:
  TestPostgres();
  TempDir dir_;
  TestLog log_;
  std::string host_;
  std::unique_ptr<store::ManagedPostgres> server_;
};

class TestDatabase {
 public:
  enum class Schema { migrated, empty };
  explicit TestDatabase(Schema schema = Schema::migrated);
  ~TestDatabase();
  TestDatabase(const TestDatabase&) = delete;
  TestDatabase& operator=(const TestDatabase&) = delete;

  [[nodiscard]] const std::string& url() const { return url_; }
  [[nodiscard]] store::DatabaseOptions options() const;  // what db() was opened with; change a copy for your own
  [[nodiscard]] store::Database& db();                   // opened with the first call
  [[nodiscard]] telemetry::Metrics& metrics() { return metrics_; }
  [[nodiscard]] TestLog& log() { return log_; }

  // SQL beside the pool, each call on a connection of its own; an error throws. Thread-safe.
  void exec(const std::string& sql) const;
  [[nodiscard]] std::vector<std::vector<std::optional<std::string>>> rows(const std::string& sql) const;
  [[nodiscard]] std::string scalar(const std::string& sql) const;  // "(null)" for NULL

  // Ends every session in this database from the server's side; returns how many. Thread-safe.
  int kill_connections() const;

 private:
  std::string name_;
  std::string url_;
  TestLog log_;
  telemetry::Metrics metrics_;
  std::unique_ptr<store::Database> db_;
};

// Puts a ready cluster of ManagedPostgres into data_dir/postgres, which is much faster than having it made.
void copy_cluster(const std::filesystem::path& data_dir, telemetry::Logger& log);

// The directory of the SQL files.
[[nodiscard]] std::filesystem::path migrations_directory();

}  // namespace dunetrace::testing
