#include "http/dispatcher.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>

#include "http/compression.hpp"
#include "http/cors.hpp"
#include "http/url.hpp"

namespace dunetrace::http {
namespace {

constexpr std::size_t kSlowBytes = 64 * 1024 * 1024;  // answers in memory for slow clients, all together
constexpr int kSpareDescriptors = 32;                 // for everything that is not a client connection
constexpr auto kCloseLimit = std::chrono::seconds(2);
constexpr std::string_view kUnavailable = "Service temporarily unavailable";
constexpr std::string_view kMetricsRoute = "/metrics";
constexpr std::string_view kLiveRoute = "/livez";

// Written before there is a request to answer.
constexpr std::string_view kNoRoom =
    "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nContent-Length: 44\r\nConnection: close\r\n"
    "Retry-After: 1\r\nX-Content-Type-Options: nosniff\r\n\r\n{\"detail\":\"Service temporarily unavailable\"}";

struct FaultAnswer {
  int status;
  std::string_view detail;
  Refusal reason;
};

FaultAnswer answer_of(Fault fault) {
  switch (fault) {
    case Fault::malformed:
      return {400, "Bad Request", Refusal::malformed};
    case Fault::timeout:
      return {408, "Request Timeout", Refusal::idle};
    case Fault::body_too_large:
      return {413, "Request body is larger than {} bytes", Refusal::body_too_large};
    case Fault::expectation:
      return {417, "Expectation Failed", Refusal::malformed};
    case Fault::headers_too_large:
      return {431, "Request headers are larger than {} bytes", Refusal::headers_too_large};
    case Fault::unknown_method:
      return {501, "Not Implemented", Refusal::malformed};
    case Fault::version:
      return {505, "HTTP Version Not Supported", Refusal::malformed};
    case Fault::memory:
      return {503, kUnavailable, Refusal::memory};
  }
  return {400, "Bad Request", Refusal::malformed};
}

Response with_number(int status, std::string_view text, std::size_t number) {
  std::string detail(text);
  if (const auto at = detail.find("{}"); at != std::string::npos) detail.replace(at, 2, std::to_string(number));
  return Response::error(status, detail);
}

std::string address_of(int fd) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (::getpeername(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0) return {};
  const void* bytes = nullptr;
  if (address.ss_family == AF_INET) bytes = &reinterpret_cast<const sockaddr_in&>(address).sin_addr;
  if (address.ss_family == AF_INET6) bytes = &reinterpret_cast<const sockaddr_in6&>(address).sin6_addr;
  if (bytes == nullptr || ::inet_ntop(address.ss_family, bytes, text.data(), text.size()) == nullptr) return {};
  std::string_view shown = text.data();
  if (shown.starts_with("::ffff:") && shown.find('.') != std::string_view::npos) shown.remove_prefix(7);
  return std::string(shown);
}

// The kernel gives the lowest free number, so the number itself tells how many are taken.
bool descriptors_are_scarce(int fd) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return false;
  return static_cast<rlim_t>(fd) + kSpareDescriptors >= limit.rlim_cur;
}

std::string_view value_of(const Headers& headers, std::string_view name) {
  const auto found =
      std::ranges::find_if(headers, [name](const auto& h) { return equal_ignoring_case(h.first, name); });
  return found == headers.end() ? std::string_view() : std::string_view(found->second);
}

// Every port has these two; they answer while draining, too.
Router with_own_routes(Router router, telemetry::Metrics& metrics) {
  if (router.match(Method::get, kMetricsRoute).route != kMetricsRoute) {
    router.add(Method::get, kMetricsRoute, [&metrics](const Request&, Responder responder) {
      Response response;
      response.content_type = "text/plain; version=0.0.4; charset=utf-8";
      response.body = metrics.text();
      responder.send(std::move(response).with("Cache-Control", "no-store"));
    });
  }
  if (router.match(Method::get, kLiveRoute).route != kLiveRoute) {
    router.add(Method::get, kLiveRoute, [](const Request&, Responder responder) {
      responder.send(Response::json(200, R"({"status":"ok"})").with("Cache-Control", "no-store"));
    });
  }
  return router;
}

std::chrono::milliseconds sweep_interval(std::chrono::milliseconds idle_timeout) {
  return std::clamp(idle_timeout / 4, std::chrono::milliseconds(10), std::chrono::milliseconds(1000));
}

}  // namespace

Dispatcher::Dispatcher(ServerOptions options, Router router, telemetry::Logger& log, telemetry::Metrics& metrics)
    : port_(std::make_shared<PortContext>(std::move(options), log, metrics,
                                          [&] {
                                            router = with_own_routes(std::move(router), metrics);
                                            return router.routes();
                                          }())),
      router_(std::move(router)),
      workers_(std::max(1, port_->options.workers), port_->options.worker_queue),
      writer_({kSlowBytes, port_->options.write_timeout}, [this] { port_->metrics.refused(Refusal::slow_reader); }),
      table_(
          port_->options.max_connections, sweep_interval(port_->options.idle_timeout),
          [this](std::size_t n) { port_->metrics.connections(n); }, [this] { port_->metrics.refused(Refusal::idle); }) {
}

ConnectionPtr Dispatcher::opened(int fd) {
  if (port_->stopped) return nullptr;
  Fd duplicate(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
  if (!duplicate || descriptors_are_scarce(duplicate.get())) {
    port_->metrics.refused(Refusal::descriptors);
    return nullptr;
  }
  const ConnectionLimits limits{{port_->options.max_header_bytes, port_->options.max_body_bytes},
                                port_->options.idle_timeout};
  auto connection =
      std::make_shared<Connection>(std::move(duplicate), limits, port_->memory, address_of(fd), shared_from_this());
  if (table_.add(connection)) return connection;
  port_->metrics.refused(port_->draining ? Refusal::draining : Refusal::connection_limit);
  static_cast<void>(::send(fd, kNoRoom.data(), kNoRoom.size(), MSG_NOSIGNAL | MSG_DONTWAIT));
  return nullptr;
}

void Dispatcher::closed(const ConnectionPtr& connection) { table_.remove(connection.get()); }

bool Dispatcher::write_slowly(const ConnectionPtr& connection, std::size_t bytes) {
  if (writer_.add(connection, bytes)) return true;
  port_->metrics.refused(Refusal::slow_reader);
  return false;
}

void Dispatcher::on_fault(const ConnectionPtr& connection, Fault fault, RawRequest known) {
  const auto answer = answer_of(fault);
  known.keep_alive = false;
  if (fault != Fault::timeout) port_->metrics.refused(answer.reason);  // timeouts are counted by the table
  const bool headers = fault == Fault::headers_too_large;
  const auto limit = headers ? port_->options.max_header_bytes : port_->options.max_body_bytes;
  auto response = with_number(answer.status, answer.detail, limit);
  if (fault == Fault::memory) response.headers.emplace_back("Retry-After", "1");
  Exchange(port_, connection, known).answer(std::move(response));
}

bool Dispatcher::takes_body(const RawRequest& head) const {
  const auto target = parse_target(head.target);
  return target && router_.match(head.method, target->path).kind == Router::Match::Kind::found;
}

void Dispatcher::on_request(const ConnectionPtr& connection, RawRequest raw, ByteBudget::Share memory) {
  auto exchange = std::make_shared<Exchange>(port_, connection, raw, std::move(memory));
  try {
    route(exchange, connection, std::move(raw));
  } catch (const std::exception& e) {
    port_->log.error(
        "http.request_failed",
        {{"service", port_->options.service}, {"request_id", exchange->request_id()}, {"cause", e.what()}});
    exchange->answer(Response::error(500, "Internal Server Error"));
  }
}

void Dispatcher::route(const ExchangePtr& exchange, const ConnectionPtr& connection, RawRequest raw) {
  auto pass = port_->gate.enter();
  auto target = parse_target(raw.target);
  auto path = target ? percent_decode(target->path) : std::nullopt;
  if (!target || !path) return exchange->answer(Response::error(400, "Bad Request"));
  auto match = router_.match(raw.method, target->path);
  exchange->set_route(match.route);
  if (!pass && match.route != kLiveRoute && match.route != kMetricsRoute) {
    port_->metrics.refused(Refusal::draining);
    return exchange->answer(Response::error(503, kUnavailable).with("Retry-After", "1"));
  }
  exchange->hold(std::move(pass));
  if (raw.method == Method::options && !exchange->origin().empty() &&
      !value_of(raw.headers, "access-control-request-method").empty()) {
    return exchange->answer(preflight(port_->options.cors, exchange->origin()));
  }
  if (match.kind == Router::Match::Kind::unknown_path) return exchange->answer(Response::error(404, "Not Found"));
  if (match.kind == Router::Match::Kind::wrong_method) {
    auto response = Response::error(405, "Method Not Allowed");
    if (raw.method == Method::options) response.status = 204;
    return exchange->answer(std::move(response).with("Allow", match.allow));
  }
  if (match.kind == Router::Match::Kind::malformed_path) return exchange->answer(Response::error(400, "Bad Request"));
  Request request;
  if (auto refusal = unpack(raw, *exchange, request.body)) return exchange->answer(std::move(*refusal));
  request.method = raw.method;
  request.target = std::move(raw.target);
  request.path = std::move(*path);
  request.query = std::move(target->query);
  request.params = std::move(match.params);
  request.route = match.route;
  request.headers = std::move(raw.headers);
  request.client_address = connection->client_address();
  request.request_id = exchange->request_id();
  call(*match.handler, exchange, std::move(request));
}

// Nothing when the body may be used: it is moved to `body`, inflated when it was compressed.
std::optional<Response> Dispatcher::unpack(RawRequest& raw, Exchange& exchange, std::string& body) const {
  const auto coding = coding_of(value_of(raw.headers, "content-encoding"));
  if (coding == Coding::identity || raw.body.empty()) {
    body = std::move(raw.body);
    return std::nullopt;
  }
  if (coding == Coding::unknown) {
    return Response::error(415, "Content-Encoding must be gzip, deflate or identity")
        .with("Accept-Encoding", "gzip, deflate");
  }
  switch (inflate(coding, raw.body, port_->options.max_body_bytes, body)) {
    case Inflated::ok:
      if (exchange.hold_more(body.size())) return std::nullopt;
      port_->metrics.refused(Refusal::memory);
      return Response::error(503, kUnavailable).with("Retry-After", "1");
    case Inflated::corrupt:
      return Response::error(400, "The compressed request body is damaged");
    case Inflated::too_large:
      break;
  }
  port_->metrics.refused(Refusal::body_too_large);
  return with_number(413, "The inflated request body is larger than {} bytes", port_->options.max_body_bytes);
}

void Dispatcher::call(const RouteHandler& handler, const ExchangePtr& exchange, Request request) {
  Responder responder([exchange](Response response) { exchange->answer(std::move(response)); });
  if (handler.async) {
    const auto request_id = request.request_id;
    const auto route = request.route;
    try {
      handler.async(std::move(request), std::move(responder));
    } catch (const std::exception& e) {
      Request about;
      about.request_id = request_id;
      about.route = route;
      log_failure(about, e.what());
    } catch (...) {
      log_failure(Request(), "an exception that is no std::exception");
    }
    return;
  }
  struct Work {
    Request request;
    Responder responder;
  };
  const auto work = std::make_shared<Work>(Work{std::move(request), std::move(responder)});
  // The handler lives in the router, and the router as long as the pool.
  if (workers_.submit(
          [this, work, &handler] { run_blocking(handler.blocking, work->request, std::move(work->responder)); })) {
    return;
  }
  port_->metrics.refused(Refusal::queue_full);
  work->responder.send(Response::error(503, kUnavailable).with("Retry-After", "1"));
}

void Dispatcher::run_blocking(const BlockingHandler& handler, const Request& request, Responder responder) {
  Response response;
  try {
    response = handler(request);
  } catch (const std::exception& e) {
    log_failure(request, e.what());
    response = Response::error(500, "Internal Server Error");
  } catch (...) {
    log_failure(request, "an exception that is no std::exception");
    response = Response::error(500, "Internal Server Error");
  }
  responder.send(std::move(response));
}

void Dispatcher::log_failure(const Request& request, std::string_view cause) {
  port_->log.error("http.handler_failed", {{"service", port_->options.service},
                                           {"route", request.route},
                                           {"request_id", request.request_id},
                                           {"cause", cause}});
}

bool Dispatcher::drain(std::chrono::milliseconds limit) {
  port_->draining = true;
  return port_->gate.close(limit);
}

void Dispatcher::stop() {
  workers_.stop();
  if (!table_.close(kCloseLimit)) port_->log.warn("http.connections_left", {{"service", port_->options.service}});
  port_->stopped = true;
  writer_.stop();
  table_.stop();
}

// Who still holds a Responder keeps this object alive; the handlers, and what they refer to, must not depend on him.
void Dispatcher::release_handlers() {
  if (port_->gate.inside() == 0) router_ = Router();
}

}  // namespace dunetrace::http
