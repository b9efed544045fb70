#include "http/exchange.hpp"

#include <algorithm>

#include "core/ids.hpp"
#include "http/compression.hpp"
#include "http/cors.hpp"
#include "http/response_text.hpp"
#include "http/router_match.hpp"

namespace dunetrace::http {
namespace {

constexpr std::size_t kMaxRequestIdBytes = 128;

// What a client or proxy sends ends up in logs and headers, so only harmless characters pass.
bool is_sane_id(std::string_view id) {
  const auto harmless = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           std::string_view("-_.:/+=@").find(c) != std::string_view::npos;
  };
  return !id.empty() && id.size() <= kMaxRequestIdBytes && std::ranges::all_of(id, harmless);
}

}  // namespace

Exchange::Exchange(std::shared_ptr<PortContext> port, ConnectionPtr connection, const RawRequest& request,
                   ByteBudget::Share memory)
    : port_(std::move(port)),
      connection_(std::move(connection)),
      method_(request.method),
      minor_version_(request.minor_version),
      keep_alive_(request.keep_alive),
      route_(kUnmatchedRoute),
      memory_(std::move(memory)) {
  for (const auto& [name, value] : request.headers) {
    if (equal_ignoring_case(name, "origin"))
      origin_ = value;
    else if (equal_ignoring_case(name, "accept-encoding"))
      accepts_gzip_ = accepts_gzip_ || accepts_gzip(value);
    else if (equal_ignoring_case(name, "x-request-id") && is_sane_id(value))
      request_id_ = value;
  }
  if (request_id_.empty()) request_id_ = new_uuid();
}

void Exchange::answer(Response response) noexcept {
  if (port_->stopped) return connection_->abort();  // an answer after the end of the server
  try {
    const auto status = response.status;
    add_cors_headers(port_->options.cors, origin_, response.headers);
    for (const auto& header : port_->options.extra_headers) response.headers.push_back(header);
    Wire wire;
    wire.head_only = method_ == Method::head;
    wire.close = !keep_alive_ || port_->draining;
    wire.minor_version = minor_version_;
    wire.accepts_gzip = accepts_gzip_;
    wire.request_id = request_id_;
    auto bytes = to_wire(std::move(response), wire);
    port_->metrics.observe(route_, method_, status, std::chrono::duration<double>(Steady::now() - start_).count());
    memory_.release();  // sending may serve the next request of this client
    connection_->send(std::move(bytes), wire.close, std::move(pass_));
  } catch (const std::exception& e) {
    port_->log.error("http.answer_failed",
                     {{"service", port_->options.service}, {"request_id", request_id_}, {"cause", e.what()}});
    connection_->abort();
  }
}

}  // namespace dunetrace::http
