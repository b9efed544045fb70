#include "http/http_metrics.hpp"

#include <algorithm>

#include "http/router_match.hpp"

namespace dunetrace::http {
namespace {

// Statuses that get a series of their own; any other one is "other", so that a handler cannot make series at will.
constexpr std::array kKnown{200, 201, 202, 204, 206, 301, 302, 303, 304, 307, 308, 400, 401, 403, 404, 405,
                            408, 409, 410, 412, 413, 415, 417, 422, 429, 431, 500, 501, 502, 503, 504};

constexpr std::array<std::string_view, 10> kReasons{
    "connection_limit", "descriptors", "malformed", "headers_too_large", "body_too_large", "idle", "slow_reader",
    "queue_full",       "draining",    "memory"};

}  // namespace

HttpMetrics::HttpMetrics(telemetry::Metrics& metrics, std::string service, const std::vector<std::string>& routes)
    : metrics_(metrics),
      service_(std::move(service)),
      connections_(metrics.gauge("dunetrace_http_connections", "Open client connections", {{"service", service_}})) {
  static_assert(kKnown.size() < kStatuses);
  for (std::size_t i = 0; i < kReasons.size(); ++i) {
    refused_[i] = &metrics.counter("dunetrace_http_refused_total", "Connections and requests not served, by reason",
                                   {{"service", service_}, {"reason", std::string(kReasons[i])}});
  }
  for (const auto& route : routes) routes_.emplace(route, std::make_unique<Route>());
  routes_.try_emplace(std::string(kUnmatchedRoute), std::make_unique<Route>());
  routes_.try_emplace(std::string(kFallbackRoute), std::make_unique<Route>());
}

void HttpMetrics::observe(std::string_view route, Method method, int status, double seconds) {
  auto found = routes_.find(route);
  if (found == routes_.end()) found = routes_.find(kUnmatchedRoute);
  const auto* const known = std::ranges::find(kKnown, status);
  const auto at = static_cast<std::size_t>(known - kKnown.begin());
  auto& slot = found->second->series[static_cast<std::size_t>(method)][at];
  auto* series = slot.load(std::memory_order_acquire);
  if (series == nullptr) {
    series = &metrics_.histogram("dunetrace_http_request_duration_seconds",
                                 "From the complete request to the answer being handed to the socket",
                                 telemetry::latency_buckets(),
                                 {{"service", service_},
                                  {"route", found->first},
                                  {"method", std::string(to_text(method))},
                                  {"code", known == kKnown.end() ? "other" : std::to_string(status)}});
    slot.store(series, std::memory_order_release);
  }
  series->observe(seconds);
}

}  // namespace dunetrace::http
