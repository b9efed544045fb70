// The numbers of one port. Made at start; looking one up takes no lock. Thread-safe. Internal to http/.
#pragma once

#include <array>
#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "http/message.hpp"
#include "telemetry/metrics.hpp"

namespace dunetrace::http {

// Why something was not served. The names are values of the label `reason`.
enum class Refusal : unsigned char {
  connection_limit,
  descriptors,
  malformed,
  headers_too_large,
  body_too_large,
  idle,
  slow_reader,
  queue_full,
  draining,
  memory
};

class HttpMetrics {
 public:
  HttpMetrics(telemetry::Metrics& metrics, std::string service, const std::vector<std::string>& routes);

  // `route` is one of the routes given at start; anything else counts as unmatched.
  void observe(std::string_view route, Method method, int status, double seconds);
  void refused(Refusal reason) { refused_[static_cast<std::size_t>(reason)]->add(); }
  void connections(std::size_t n) { connections_.set(static_cast<double>(n)); }

 private:
  static constexpr std::size_t kStatuses = 32;
  // Filled when a combination first happens; most never do.
  struct Route {
    std::array<std::array<std::atomic<telemetry::Histogram*>, kStatuses>, 8> series{};
  };

  telemetry::Metrics& metrics_;
  const std::string service_;
  telemetry::Gauge& connections_;
  std::array<telemetry::Counter*, 10> refused_{};
  std::map<std::string, std::unique_ptr<Route>, std::less<>> routes_;
};

}  // namespace dunetrace::http
