// One listening port (libraries: transport from Pistache; framing, limits and writing are ours). HTTP/1.1 and 1.0,
// keep-alive, pipelining, chunked requests, gzip and deflate request bodies, gzip responses, request ids, metrics.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/result.hpp"
#include "http/router.hpp"
#include "telemetry/log.hpp"
#include "telemetry/metrics.hpp"

namespace dunetrace::http {

// Connections take two descriptors each, plugin runners three: takes what the system allows. For the start of a
// process; every server does it, too.
void raise_descriptor_limit();

struct Cors {
  bool any_origin = false;           // dev mode
  std::vector<std::string> origins;  // otherwise exactly these; empty = no cross-origin access
  std::string methods = "GET, POST, OPTIONS";
  std::string headers = "Content-Type, Authorization";
};

struct ServerOptions {
  std::string service;             // "ingest", "api", "dashboard": label of metrics and log lines
  std::string bind = "127.0.0.1";  // IPv4 or IPv6 address or host name
  std::uint16_t port = 0;          // 0 = any free port
  int io_threads = 2;
  int workers = 4;                  // threads for blocking handlers
  std::size_t worker_queue = 1024;  // requests waiting for one; above → 503
  std::size_t max_header_bytes = 16 * 1024;
  std::size_t max_body_bytes = 10 * 1024 * 1024;      // also after inflating
  std::size_t max_buffered_bytes = 64 * 1024 * 1024;  // of all request bodies, from the first byte on; above → 503
  std::size_t max_connections = 10'000;
  std::chrono::milliseconds idle_timeout{60'000};   // silent or dribbling clients
  std::chrono::milliseconds write_timeout{10'000};  // clients that do not read
  Cors cors;
  Headers extra_headers;  // on every response, for instance the Content-Security-Policy
};

class Server {
 public:
  // Listens and serves from the moment it returns. Port in use → Code::conflict, text names service, address and port.
  [[nodiscard]] static Result<std::unique_ptr<Server>> open(ServerOptions options, Router router,
                                                            telemetry::Logger& log, telemetry::Metrics& metrics);
  ~Server();  // drains with a limit of 10 s unless drain() was called before
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  [[nodiscard]] std::uint16_t port() const;
  // New requests get 503 + close, those in flight are finished and written; false when `limit` passed first.
  bool drain(std::chrono::milliseconds limit);

 private:
  struct Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace dunetrace::http
