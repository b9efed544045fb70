// What the host offers to one plugin instance (plugin-abi.md 9): log and the extensions its kind may use.
// Must outlive the instance. log, clock and metrics may be called from any thread; the JSON reader and http by one
// thread at a time.
#pragma once

#include <dunetrace/ext/json.h>
#include <dunetrace/plugin.h>

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>

#include "core/clock.hpp"
#include "json/reader.hpp"
#include "plugin/descriptor.hpp"
#include "plugin/services.hpp"
#include "telemetry/log.hpp"

namespace dunetrace::plugin {

// Of one exchange. An answer that is longer is refused, its status is told nevertheless.
constexpr std::size_t kMaxHttpBodyBytes = 1024 * 1024;     // to send
constexpr std::size_t kMaxHttpReplyBytes = 512 * 1024;     // to read
constexpr std::chrono::milliseconds kMaxHttpTime{60'000};  // also of a plugin that asks for more

class HostServices {
 public:
  // Grants by the kind of the component: clock and http only to alerts and integrations.
  HostServices(const Component& component, Services& services);
  // For callers with a logger alone; granted is what every kind gets.
  HostServices(std::string component, telemetry::Logger& log);
  HostServices(const HostServices&) = delete;
  HostServices& operator=(const HostServices&) = delete;

  [[nodiscard]] const dune_host* raw() const { return &host_; }
  // The run that is being looked at, for log lines; empty between calls.
  void set_run(std::string_view run_id) { run_id_ = run_id; }
  // When the call that is running has to be over: no exchange goes on beyond it.
  void set_deadline(std::optional<std::chrono::steady_clock::time_point> deadline) { deadline_ = deadline; }

 private:
  friend struct HostCalls;
  friend struct HttpCalls;
  HostServices(std::string component, bool outward, std::unique_ptr<Services> own, Services* services);
  Result<json::Value> find(dune_str text, dune_str pointer);
  const void* extension(std::string_view id);
  const void* refuse(std::string_view id, std::string_view why);
  dune_status send(const dune_http_request* request, dune_http_response* response, dune_error* error);

  std::string component_;
  bool outward_;  // may look at the present and at the world
  std::unique_ptr<Services> own_services_;
  Services& services_;
  SystemClock clock_;
  std::string run_id_;
  std::optional<std::chrono::steady_clock::time_point> deadline_;
  std::string reply_body_;  // of the latest exchange; the plugin reads it until the next one
  std::mutex mutex_;
  std::set<std::string, std::less<>> refused_;  // told once each
  json::Parser parser_;
  dune_host host_{};
};

}  // namespace dunetrace::plugin
