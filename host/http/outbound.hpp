// Requests that plugins ask for, under the operator's policy (plugin-abi.md 9): only to origins of the caller's
// allow-list, https unless the operator listed http, never to an inner address unless the operator listed it, no
// redirects, no proxy, sizes and time capped. Logged are component, method, host, status and duration, never a path, a
// header or a body. Thread-safe; blocking.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "core/clock.hpp"
#include "core/result.hpp"
#include "http/message.hpp"
#include "http/origin.hpp"
#include "telemetry/log.hpp"

namespace dunetrace::http {

// Where a component may go. What its own parameters name is reached by https at public addresses; what the operator
// lists besides may be http, and may lie on this machine or in a private network. Link-local addresses (metadata
// services of clouds) must be listed as an address, not as a name.
struct AllowedOrigin {
  Origin origin;
  bool by_operator = false;
};

struct OutboundRequest {
  std::string component{};  // for the log
  std::string method{};     // GET, HEAD, POST, PUT, PATCH, DELETE
  std::string url{};
  Headers headers{};
  std::string body{};
  std::chrono::milliseconds timeout{10'000};
};

struct OutboundReply {
  int status = 0;
  std::string body;  // one byte longer than the limit when the server's was too long; the rest is not read
  std::optional<std::chrono::milliseconds> retry_after;
};

struct OutboundOptions {
  std::size_t max_request_bytes = 1024 * 1024;  // of the body
  std::size_t max_reply_bytes = 512 * 1024;
  std::vector<std::string> addresses{};  // "host:port:address", as if a name server had said so
  std::string ca_file{};                 // instead of the system's certificates
};

class Outbound {
 public:
  // Both outlive it.
  Outbound(telemetry::Logger& log, const Clock& clock, OutboundOptions options = {});

  // Any HTTP status is a reply. Errors: Code::denied (the policy), Code::invalid_argument (no request can be made of
  // it), Code::timeout, Code::unavailable (transport). Their texts name the host at most.
  [[nodiscard]] Result<OutboundReply> send(const OutboundRequest& request,
                                           const std::vector<AllowedOrigin>& allowed) const;

 private:
  telemetry::Logger& log_;
  const Clock& clock_;
  OutboundOptions options_;
};

// "120" or an HTTP date, as time from now; at most a day, never negative. Nothing when it is neither.
[[nodiscard]] std::optional<std::chrono::milliseconds> retry_after_of(std::string_view value, double unix_now);

}  // namespace dunetrace::http
