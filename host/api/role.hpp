// The customer API (spec/api.md): answers questions about agents, runs and signals on its own port. Opened by cli/;
// everything passed in must outlive it.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>

#include "api/options.hpp"
#include "api/vocabulary.hpp"
#include "core/clock.hpp"
#include "core/result.hpp"
#include "plugin/generation.hpp"
#include "store/database.hpp"
#include "telemetry/log.hpp"
#include "telemetry/metrics.hpp"

namespace dunetrace::api {

class Role {
 public:
  // Serves from the moment it returns. Errors: page sizes that make no sense, and those of http::Server::open.
  [[nodiscard]] static Result<std::unique_ptr<Role>> open(const Options& options, store::Database& db,
                                                          const plugin::Live& live, VocabularySource vocabulary,
                                                          telemetry::Logger& log, telemetry::Metrics& metrics,
                                                          const Clock& clock);
  ~Role();
  Role(const Role&) = delete;
  Role& operator=(const Role&) = delete;

  [[nodiscard]] std::uint16_t port() const;
  // New requests get 503, those in flight are finished; false when `limit` passed first. May be called again.
  bool stop(std::chrono::milliseconds limit);

 private:
  struct Impl;
  explicit Role(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace dunetrace::api
