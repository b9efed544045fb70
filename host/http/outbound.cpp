#include "http/outbound.hpp"

#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "http/address.hpp"
#include "http/curl_parts.hpp"
#include "http/framing.hpp"

namespace dunetrace::http {
namespace {

using std::chrono::milliseconds;

constexpr long kConnectTimeoutMs = 10'000;
constexpr std::size_t kMaxReplyHeaderBytes = 64 * 1024;
constexpr std::size_t kMaxUrlBytes = 8 * 1024;
constexpr std::size_t kMaxHeaderBytes = 32 * 1024;  // of a request
constexpr milliseconds kLongestExchange{60'000};
constexpr milliseconds kLongestRetry{24 * 60 * 60 * 1000};

constexpr std::array<std::string_view, 6> kMethods{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"};
// They belong to the transport; a Host of its own would lead past the allow-list.
constexpr std::array<std::string_view, 10> kReservedHeaders{
    "host", "content-length", "transfer-encoding", "connection", "keep-alive", "expect", "upgrade",
    "te",   "trailer",        "proxy-connection"};

// What the callbacks of one exchange look at and fill.
struct Exchange {
  const AllowedOrigin& allowed;
  std::size_t max_body;
  OutboundReply reply{};
  std::string retry_after{};
  std::size_t header_bytes = 0;
  bool too_long = false;
  std::string refused{};  // an address that the policy does not let it connect to
};

bool may_connect(AddressKind kind, const AllowedOrigin& allowed) {
  switch (kind) {
    case AddressKind::global:
      return true;
    case AddressKind::loopback:
    case AddressKind::private_network:
      return allowed.by_operator;
    case AddressKind::link_local:
    case AddressKind::special:
      break;
  }
  return allowed.by_operator && kind_of_literal(allowed.origin.host).has_value();
}

// Every connection goes through here with the address it is about to be made to, whatever the name resolved to before.
curl_socket_t open_socket(void* context, curlsocktype, curl_sockaddr* to) noexcept {
  auto& exchange = *static_cast<Exchange*>(context);
  try {
    const auto kind = kind_of(to->addr);
    if (!may_connect(kind, exchange.allowed)) {
      exchange.refused = fmt::format("{}, a {} address", address_text(to->addr), to_text(kind));
      return CURL_SOCKET_BAD;
    }
  } catch (...) {
    return CURL_SOCKET_BAD;
  }
  return ::socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

std::size_t take_body(const char* data, std::size_t size, std::size_t n, void* context) noexcept {
  auto& exchange = *static_cast<Exchange*>(context);
  const auto bytes = size * n;
  try {
    auto& body = exchange.reply.body;
    const auto room = exchange.max_body + 1 - body.size();
    body.append(data, std::min(bytes, room));
    exchange.too_long = body.size() > exchange.max_body;
  } catch (...) {
    return 0;
  }
  return exchange.too_long ? 0 : bytes;  // less than it got ends the transfer
}

std::size_t take_header(const char* data, std::size_t size, std::size_t n, void* context) noexcept {
  auto& exchange = *static_cast<Exchange*>(context);
  const std::string_view line(data, size * n);
  exchange.header_bytes += line.size();
  if (exchange.header_bytes > kMaxReplyHeaderBytes) return 0;
  try {
    constexpr std::string_view kRetryAfter = "retry-after:";
    if (line.starts_with("HTTP/")) exchange.retry_after.clear();  // an interim answer went before
    if (equal_ignoring_case(line.substr(0, kRetryAfter.size()), kRetryAfter)) {
      exchange.retry_after = line.substr(kRetryAfter.size());
    }
  } catch (...) {
    return 0;
  }
  return line.size();
}

Result<AllowedOrigin> permitted(const Origin& origin, const std::vector<AllowedOrigin>& allowed) {
  const AllowedOrigin* found = nullptr;
  for (const auto& one : allowed) {
    if (one.origin == origin && (found == nullptr || one.by_operator)) found = &one;
  }
  if (found == nullptr) {
    return fail(Code::denied, to_text(origin) + " is neither in the component's parameters nor on the operator's list");
  }
  if (origin.scheme != "https" && !found->by_operator) {
    return fail(Code::denied, to_text(origin) + " is not https; http has to be on the operator's list");
  }
  if (const auto kind = kind_of_literal(origin.host); kind && !may_connect(*kind, *found)) {
    return fail(Code::denied,
                fmt::format("{} is a {} address; it has to be on the operator's list", origin.host, to_text(*kind)));
  }
  return *found;
}

Result<CurlList> lines_of(const OutboundRequest& request) {
  bool typed = false;
  std::size_t bytes = 0;
  for (const auto& [name, value] : request.headers) {
    bytes += name.size() + value.size();
    typed = typed || equal_ignoring_case(name, "content-type");
    for (const auto reserved : kReservedHeaders) {
      if (equal_ignoring_case(name, reserved)) {
        return fail(Code::denied, fmt::format("the header {} is the host's own", reserved));
      }
    }
  }
  if (bytes > kMaxHeaderBytes) {
    return fail(Code::invalid_argument, fmt::format("the headers have more than {} bytes", kMaxHeaderBytes));
  }
  DUNE_TRY(list, header_list(request.headers));
  // libcurl would claim a form.
  if (!typed && !append(list, "Content-Type:")) return fail(Code::internal, "no memory for request headers");
  return list;
}

void set_policy(CURL* curl, const OutboundOptions& options) {
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_PROXY, "");  // whatever the environment says
  curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(curl, CURLOPT_FORBID_REUSE, 1L);
  curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  curl_easy_setopt(curl, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
  curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
  curl_easy_setopt(curl, CURLOPT_USERAGENT, "dunetrace");
  if (!options.ca_file.empty()) curl_easy_setopt(curl, CURLOPT_CAINFO, options.ca_file.c_str());
}

void set_request(CURL* curl, const OutboundRequest& request) {
  if (request.method == "HEAD") {
    curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
  } else if (request.method == "GET" && request.body.empty()) {
    curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L);
  } else {
    curl_easy_setopt(curl, CURLOPT_POST, 1L);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request.body.data());
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  }
  const auto limit = std::clamp(request.timeout, milliseconds(1), kLongestExchange);  // 0 would mean no limit
  const auto limit_ms = static_cast<long>(limit.count());
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, limit_ms);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, std::min(limit_ms, kConnectTimeoutMs));
}

void set_callbacks(CURL* curl, Exchange& exchange) {
  curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, open_socket);
  curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, &exchange);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &exchange);
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, &exchange);
}

Result<OutboundReply> outcome(CURL* curl, CURLcode code, Exchange& exchange, const OutboundRequest& request,
                              double unix_now) {
  const auto& host = exchange.allowed.origin.host;
  if (code == CURLE_OPERATION_TIMEDOUT) {
    return fail(Code::timeout, fmt::format("{}: no complete answer within {} ms", host, request.timeout.count()));
  }
  if (code != CURLE_OK && !exchange.too_long) {
    // Of several addresses one may have been tried after another was refused; what failed last is not known to differ.
    if (!exchange.refused.empty() && code == CURLE_COULDNT_CONNECT) {
      return fail(Code::denied,
                  fmt::format("{} leads to {}; it has to be on the operator's list", host, exchange.refused));
    }
    return fail(Code::unavailable, fmt::format("{}: {}", host, curl_easy_strerror(code)));
  }
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  exchange.reply.status = static_cast<int>(status);
  exchange.reply.retry_after = retry_after_of(exchange.retry_after, unix_now);
  return std::move(exchange.reply);
}

}  // namespace

std::optional<milliseconds> retry_after_of(std::string_view value, double unix_now) {
  while (!value.empty() && static_cast<unsigned char>(value.front()) <= ' ') value.remove_prefix(1);
  while (!value.empty() && static_cast<unsigned char>(value.back()) <= ' ') value.remove_suffix(1);
  if (value.empty()) return std::nullopt;
  if (std::ranges::all_of(value, [](char c) { return c >= '0' && c <= '9'; })) {
    std::int64_t seconds = 0;
    const auto* end = value.data() + value.size();
    if (std::from_chars(value.data(), end, seconds).ec != std::errc{} ||
        seconds > kLongestRetry / std::chrono::seconds(1))
      return kLongestRetry;
    return std::chrono::seconds(seconds);
  }
  const auto at = curl_getdate(std::string(value).c_str(), nullptr);
  if (at < 0) return std::nullopt;
  const double wait_ms =
      std::clamp((static_cast<double>(at) - unix_now) * 1000.0, 0.0, static_cast<double>(kLongestRetry.count()));
  return milliseconds(std::llround(wait_ms));
}

Outbound::Outbound(telemetry::Logger& log, const Clock& clock, OutboundOptions options)
    : log_(log), clock_(clock), options_(std::move(options)) {
  start_curl();
}

Result<OutboundReply> Outbound::send(const OutboundRequest& request, const std::vector<AllowedOrigin>& allowed) const {
  const auto refuse = [&](Error error) {
    log_.warn("plugin.http_refused", {{"component", request.component}, {"reason", error.text}});
    return tl::unexpected<Error>(std::move(error));
  };
  if (std::ranges::find(kMethods, request.method) == kMethods.end()) {
    return refuse({Code::invalid_argument, fmt::format("the method is none of {}", fmt::join(kMethods, ", "))});
  }
  if (request.url.size() > kMaxUrlBytes || request.body.size() > options_.max_request_bytes) {
    return refuse({Code::invalid_argument, fmt::format("the URL has more than {} bytes, or the body more than {}",
                                                       kMaxUrlBytes, options_.max_request_bytes)});
  }
  auto origin = origin_of(request.url);
  if (!origin) return refuse(std::move(origin).error());
  auto target = permitted(*origin, allowed);
  if (!target) return refuse(std::move(target).error());
  auto lines = lines_of(request);
  if (!lines) return refuse(std::move(lines).error());

  const CurlEasy easy(curl_easy_init());
  const CurlUrl url(curl_url());
  CurlList fixed;
  bool ready = easy && url && curl_url_set(url.get(), CURLUPART_URL, request.url.c_str(), 0) == CURLUE_OK;
  for (const auto& one : options_.addresses) ready = ready && append(fixed, one);
  if (!ready) return fail(Code::internal, "libcurl could not be started");
  Exchange exchange{*target, options_.max_reply_bytes};
  set_policy(easy.get(), options_);
  set_request(easy.get(), request);
  set_callbacks(easy.get(), exchange);
  curl_easy_setopt(easy.get(), CURLOPT_CURLU, url.get());
  curl_easy_setopt(easy.get(), CURLOPT_HTTPHEADER, lines->get());
  if (fixed) curl_easy_setopt(easy.get(), CURLOPT_RESOLVE, fixed.get());

  const auto started = clock_.steady();
  const auto code = curl_easy_perform(easy.get());
  const auto duration_ms = std::chrono::duration_cast<milliseconds>(clock_.steady() - started).count();
  auto reply = outcome(easy.get(), code, exchange, request, clock_.unix_seconds());
  if (!reply && reply.error().code == Code::denied) return refuse(std::move(reply).error());
  log_.write(reply ? telemetry::Level::info : telemetry::Level::warn, reply ? "plugin.http" : "plugin.http_failed",
             {{"component", request.component},
              {"method", request.method},
              {"host", origin->host},
              {"status", reply ? reply->status : 0},
              {"duration_ms", duration_ms},
              {"reason", reply ? std::string() : reply.error().text}});
  return reply;
}

}  // namespace dunetrace::http
