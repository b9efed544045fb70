// GET /health and /ready (spec/api.md 2): does the database answer. Thread-safe; the result is kept for a second, so
// that probes cost one round trip a second however many there are.
#pragma once

#include <chrono>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "core/clock.hpp"
#include "core/result.hpp"
#include "http/message.hpp"
#include "plugin/generation.hpp"
#include "store/health_probe.hpp"

namespace dunetrace::api {

class Health {
 public:
  Health(store::Database& db, const plugin::Live& live, const Clock& clock)
      : db_(db), clock_(clock), probe_(db, clock), live_(live) {}

  // {"status":"ok","db":"ok"}, or 503 {"status":"degraded","db":"<reason>"}. While a changed detectors.yml or plugin is
  // refused there is "reload":"failed", too; why is not for strangers. While components are in quarantine, their ids
  // are in "quarantined". "plugins":"unlocked" says that no lock file was asked for.
  [[nodiscard]] http::Response health();
  // {"status":"ready","db":"ok"}, or 503 {"status":"unavailable","db":"<reason>"}. A server that drains answers 503
  // before it comes here.
  [[nodiscard]] http::Response ready();

 private:
  [[nodiscard]] std::vector<std::string> quarantined();

  store::Database& db_;
  const Clock& clock_;
  store::HealthProbe probe_;
  const plugin::Live& live_;
  std::mutex mutex_;
  std::vector<std::string> quarantined_;  // as it was at asked_at_
  std::optional<std::chrono::steady_clock::time_point> asked_at_;
};

}  // namespace dunetrace::api
