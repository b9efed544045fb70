// What a plugin may ask of its host (plugin-abi.md 9). In the host's process these calls act; in a runner they are
// passed on to the host. Thread-safe. Granting (which kind of component may ask what) is decided before they are
// called.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/result.hpp"
#include "telemetry/log.hpp"

namespace dunetrace::plugin {

struct HttpRequest {
  std::string method;  // "POST"
  std::string url;     // a credential as often as not: never logged
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  std::chrono::milliseconds timeout{10'000};
};

struct HttpReply {
  int status = 0;
  std::string body;
  std::optional<std::chrono::milliseconds> retry_after;  // as the server asked
};

class Services {
 public:
  Services() = default;
  Services(const Services&) = delete;
  Services& operator=(const Services&) = delete;
  virtual ~Services() = default;

  // A line the plugin wrote; `run` is empty where none is looked at.
  virtual void log(std::string_view component, std::string_view run, telemetry::Level level, std::string_view text) = 0;
  // One exchange under the operator's policy. Errors: Code::denied (the policy refuses), Code::timeout,
  // Code::unavailable (transport), Code::invalid_argument (no such request can be made).
  [[nodiscard]] virtual Result<HttpReply> http(std::string_view component, const HttpRequest& request) = 0;
  // Figures on /metrics. Errors: Code::invalid_argument (name or value), Code::denied (a seventeenth name).
  [[nodiscard]] virtual Result<> counter_add(std::string_view component, std::string_view name, double amount) = 0;
  [[nodiscard]] virtual Result<> observe(std::string_view component, std::string_view name, double value) = 0;
};

}  // namespace dunetrace::plugin
