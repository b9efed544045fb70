// GET /health and /ready (spec/api.md 2): does the database answer. Thread-safe; the result is kept for a second, so
// that probes cost one round trip a second however many there are.
#pragma once

#include "core/clock.hpp"
#include "core/result.hpp"
#include "http/message.hpp"
#include "plugin/generation.hpp"
#include "store/health_probe.hpp"

namespace dunetrace::api {

class Health {
 public:
  Health(store::Database& db, const plugin::Live& live, const Clock& clock) : probe_(db, clock), live_(live) {}

  // {"status":"ok","db":"ok"}, or 503 {"status":"degraded","db":"<reason>"}. While a changed detectors.yml or plugin is
  // refused there is "reload":"failed", too; why is not for strangers.
  [[nodiscard]] http::Response health();
  // {"status":"ready","db":"ok"}, or 503 {"status":"unavailable","db":"<reason>"}. A server that drains answers 503
  // before it comes here.
  [[nodiscard]] http::Response ready();

 private:
  store::HealthProbe probe_;
  const plugin::Live& live_;
};

}  // namespace dunetrace::api
