// From a framed request to a handler and back: limits, draining, CORS, routing, request bodies, errors. One per port,
// shared by its connections. Thread-safe. Internal to http/.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "http/connection_table.hpp"
#include "http/exchange.hpp"
#include "http/front.hpp"
#include "http/router_match.hpp"
#include "http/slow_writer.hpp"
#include "http/worker_pool.hpp"

namespace dunetrace::http {

class Dispatcher final : public ConnectionHost, public PeerHost, public std::enable_shared_from_this<Dispatcher> {
 public:
  Dispatcher(ServerOptions options, Router router, telemetry::Logger& log, telemetry::Metrics& metrics);

  ConnectionPtr opened(int fd) override;
  void closed(const ConnectionPtr& connection) override;
  void on_request(const ConnectionPtr& connection, RawRequest request, ByteBudget::Share memory) override;
  [[nodiscard]] bool takes_body(const RawRequest& head) const override;
  void on_fault(const ConnectionPtr& connection, Fault fault, RawRequest known) override;
  bool write_slowly(const ConnectionPtr& connection, std::size_t bytes) override;

  bool drain(std::chrono::milliseconds limit);
  // Ends every connection; the transport must still run. Then nothing of this object calls out any more.
  void stop();
  // After the transport has ended: destroys the handlers, unless a request that never was answered may still use them.
  void release_handlers();

 private:
  using ExchangePtr = std::shared_ptr<Exchange>;
  void route(const ExchangePtr& exchange, const ConnectionPtr& connection, RawRequest raw);
  [[nodiscard]] std::optional<Response> unpack(RawRequest& raw, Exchange& exchange, std::string& body) const;
  void call(const RouteHandler& handler, const ExchangePtr& exchange, Request request);
  void run_blocking(const BlockingHandler& handler, const Request& request, Responder responder);
  void log_failure(const Request& request, std::string_view cause);

  const std::shared_ptr<PortContext> port_;
  Router router_;  // not changed before release_handlers()
  WorkerPool workers_;
  SlowWriter writer_;
  ConnectionTable table_;
};

}  // namespace dunetrace::http
