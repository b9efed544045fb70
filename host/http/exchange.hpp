// One request on its way to its answer. Internal to http/. Used by one thread at a time; answered once.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "core/gate.hpp"
#include "http/byte_budget.hpp"
#include "http/connection.hpp"
#include "http/http_metrics.hpp"
#include "http/server.hpp"

namespace dunetrace::http {

// What every answer of a port needs. Outlives the server as long as an unanswered request holds it.
struct PortContext {
  PortContext(ServerOptions o, telemetry::Logger& l, telemetry::Metrics& m, const std::vector<std::string>& routes)
      : options(std::move(o)),
        log(l),
        metrics(m, options.service, routes),
        memory(std::make_shared<ByteBudget>(options.max_buffered_bytes)) {}

  const ServerOptions options;
  telemetry::Logger& log;  // not touched once `stopped`
  HttpMetrics metrics;     // the same
  Gate gate;
  const std::shared_ptr<ByteBudget> memory;  // of request bodies
  std::atomic<bool> draining{false};
  std::atomic<bool> stopped{false};
};

class Exchange {
 public:
  Exchange(std::shared_ptr<PortContext> port, ConnectionPtr connection, const RawRequest& request,
           ByteBudget::Share memory = {});

  // Builds the bytes and hands them to the connection. Never throws: without an answer the connection ends.
  void answer(Response response) noexcept;

  void set_route(std::string_view route) { route_ = route; }
  void hold(Gate::Pass pass) { pass_ = std::move(pass); }
  // Accounts for a body that grew when it was unpacked; false when there is no room.
  [[nodiscard]] bool hold_more(std::size_t bytes) { return memory_.resize(memory_.bytes() + bytes); }
  [[nodiscard]] const std::string& request_id() const { return request_id_; }
  [[nodiscard]] const std::string& origin() const { return origin_; }
  [[nodiscard]] const std::string& route() const { return route_; }

 private:
  const std::shared_ptr<PortContext> port_;
  const ConnectionPtr connection_;
  const Steady::time_point start_ = Steady::now();
  const Method method_;
  const int minor_version_;
  const bool keep_alive_;
  bool accepts_gzip_ = false;
  std::string origin_;
  std::string request_id_;
  std::string route_;
  Gate::Pass pass_;
  ByteBudget::Share memory_;
};

}  // namespace dunetrace::http
