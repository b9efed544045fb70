// The connection pool. What goes through it lives in one file per table family beside this one; only files of store/
// include session.hpp and so see libpqxx.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "core/result.hpp"
#include "telemetry/log.hpp"
#include "telemetry/metrics.hpp"

namespace dunetrace::store {

struct DatabaseOptions {
  std::string url;               // postgresql://… or key=value text; never logged whole, it may hold a password
  std::string application_name;  // "dunetrace-detect"
  int max_connections = 4;
  std::chrono::milliseconds lease_timeout{5'000};  // waiting for a free connection
  std::chrono::milliseconds statement_timeout{30'000};
  // Commits do not wait for the disk: a crash of the server may undo the last ones, the latest first, each as a whole.
  // For what is done again then with the same effect.
  bool lazy_commits = false;
};

// Thread-safe. Connections are made when first needed, so opening succeeds while the server is away.
class Database {
 public:
  Database(DatabaseOptions options, telemetry::Logger& log, telemetry::Metrics& metrics);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  // A round trip with a short limit (1 s); the error text is a short reason without credentials.
  [[nodiscard]] Result<> ping();

  // Whether the server answered last time, without asking it: every transaction and, while it is away or nobody uses
  // it, a probe about once a second keep this up to date. False until the first answer.
  [[nodiscard]] bool reachable() const;

  // Sessions that were made so far. While there are no new ones, all answers come from one server, and it has lost
  // nothing that it told: another one after a failover, and one that lost its last commits, ends its sessions.
  [[nodiscard]] std::uint64_t sessions() const;

  // The end: whoever waits for the server gets Code::unavailable at once, and so does every later call. For good, and
  // the only way out when a server accepts bytes and never answers: libpq's blocking calls have no limit.
  void interrupt();

  struct Impl;
  [[nodiscard]] Impl& impl() { return *impl_; }  // for session.hpp
  [[nodiscard]] const DatabaseOptions& options() const { return options_; }

 private:
  DatabaseOptions options_;
  std::unique_ptr<Impl> impl_;
};

}  // namespace dunetrace::store
