// What plugins get from this process: its log, its metrics, and requests under the operator's policy. Thread-safe.
//   ProcessServices services(log, metrics, outbound, operator_list);
//   services.admit("post", values);          // before the component is created
//   plugin::Destination::create(entry, std::move(values), services);
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/parameters.hpp"
#include "http/outbound.hpp"
#include "plugin/services.hpp"
#include "telemetry/log.hpp"
#include "telemetry/metrics.hpp"

namespace dunetrace::cli {

class ProcessServices final : public plugin::Services {
 public:
  // The first three outlive it. `operator_list`: origins that every component may reach besides its own.
  ProcessServices(telemetry::Logger& log, telemetry::Metrics& metrics, const http::Outbound& outbound,
                  const std::vector<http::Origin>& operator_list);

  // The component, a destination or integration, may reach what its own parameters name (texts that are URLs, secrets
  // resolved) and the operator's list, from now on and until it is admitted again. Only scheme, host and port are kept.
  // Whoever was not admitted reaches nothing.
  void admit(const std::string& component, std::span<const config::ParamValue> values);

  void log(std::string_view component, std::string_view run, telemetry::Level level, std::string_view text) override;
  Result<plugin::HttpReply> http(std::string_view component, const plugin::HttpRequest& request) override;
  Result<> counter_add(std::string_view component, std::string_view name, double amount) override;
  Result<> observe(std::string_view component, std::string_view name, double value) override;

 private:
  struct Figure {
    std::string component;
    telemetry::Counter* counter = nullptr;  // one of the two
    telemetry::Histogram* histogram = nullptr;
    double rest = 0;  // what a counter of whole numbers could not take yet
  };
  Result<Figure*> figure(std::string_view component, std::string_view name, bool counter);

  telemetry::Logger& log_;
  telemetry::Metrics& metrics_;
  const http::Outbound& outbound_;
  const std::vector<http::AllowedOrigin> operator_list_;
  std::mutex mutex_;
  std::map<std::string, std::vector<http::AllowedOrigin>, std::less<>> own_;  // by component
  std::map<std::string, Figure, std::less<>> figures_;                        // by full name
  std::map<std::string, std::size_t, std::less<>> names_;                     // how many a component has
};

// "https://host:port" of an operator's list; anything else is Code::invalid_argument.
[[nodiscard]] Result<http::Origin> operator_origin(const std::string& text);

}  // namespace dunetrace::cli
