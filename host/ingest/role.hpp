// The ingest role: its own port (spec/wire.md 2-5, 13, 14) and the way of events into the database. Validates,
// authenticates, promises (202) and stores. Opened by cli/; everything passed in must outlive it.
//
// Where to read on, in the order in which a batch comes by:
//   receive.hpp        POST /v1/ingest from body to answer
//     admission.hpp      body → batch, or everything that is wrong with it (validation.hpp, privacy.hpp)
//     door.hpp           whose key (auth.hpp), not too often (rate_limit.hpp)
//     first_answers.hpp  Idempotency-Key
//   spool/spool.hpp    the queue on disk; its commit sends the 202
//   writer.hpp         spool → PostgreSQL (store/ingest_rows.hpp: COPY, upsert and position in one transaction)
// Beside it: sdk_endpoints.hpp (deploys, policies), health.hpp (health, ready).
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>

#include "config/settings.hpp"
#include "core/clock.hpp"
#include "core/result.hpp"
#include "store/database.hpp"
#include "telemetry/log.hpp"
#include "telemetry/metrics.hpp"

namespace dunetrace::ingest {

// Where the spool of a host lies.
[[nodiscard]] std::filesystem::path spool_file(const config::Settings& settings);

class Role {
 public:
  // Serves from the moment it returns, also while the database is away. `db` allows at least three connections: writer,
  // keys, health. Errors are those of http::Server::open and of spool::DiskSpool::open.
  [[nodiscard]] static Result<std::unique_ptr<Role>> open(const config::Settings& settings, store::Database& db,
                                                          telemetry::Logger& log, telemetry::Metrics& metrics,
                                                          const Clock& clock);
  ~Role();  // stop() with a limit of 10 s, unless it was called
  Role(const Role&) = delete;
  Role& operator=(const Role&) = delete;

  [[nodiscard]] std::uint16_t port() const;
  // New requests get 503, those in flight are answered, everything that was answered with 202 is written. What `limit`
  // or a database that is away leaves over stays in the spool for the next start; false when the spool is in memory,
  // then it is counted and logged as lost. May be called again.
  bool stop(std::chrono::milliseconds limit);

 private:
  struct Impl;
  explicit Role(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace dunetrace::ingest
