// dune.host.http/1: a plugin's request in host types, on its way to the services, and the answer back. The policy
// (which hosts, which headers) is whoever's who makes the exchange; here only shapes and sizes are checked.
#include <fmt/format.h>

#include <algorithm>
#include <cstddef>

#include "plugin/host_extensions.hpp"
#include "plugin/host_services.hpp"
#include "plugin/take.hpp"

namespace dunetrace::plugin {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kMaxUrlBytes = 8 * 1024;
constexpr std::uint32_t kMaxHeaders = 64;
constexpr std::size_t kMaxHeaderBytes = 32 * 1024;  // of all of them
constexpr milliseconds kUsualTimeout{10'000};       // of a plugin that names none

dune_status say(dune_error* error, dune_status status, std::string_view why) {
  if (error == nullptr) return status;
  const auto length = std::min(why.size(), sizeof error->message);
  error->code = status;
  error->message_len = static_cast<std::uint32_t>(length);
  std::memcpy(error->message, why.data(), length);
  return status;
}

dune_status status_of(Code code) {
  switch (code) {
    case Code::denied:
      return DUNE_E_DENIED;
    case Code::timeout:
      return DUNE_E_TIMEOUT;
    case Code::unavailable:
      return DUNE_E_IO;
    case Code::invalid_argument:
      return DUNE_E_INVALID;
    default:
      return DUNE_E_INTERNAL;
  }
}

// A record of the plugin's that the host fills. It says how large it is; all of 1.0 is there in any case. That is not
// sizeof: once the record grows here, a plugin of 1.0 still has the shorter one.
void fill(dune_http_response* to, dune_http_response from) {
  constexpr std::size_t kEndOf10 = offsetof(dune_http_response, retry_after_ms) + sizeof(from.retry_after_ms);
  const auto size = std::clamp(std::size_t{to->struct_size}, kEndOf10, sizeof from);
  from.struct_size = static_cast<std::uint32_t>(size);  // what of it is filled
  std::memcpy(to, &from, size);
}

bool is_text(dune_str s) { return s.ptr != nullptr || s.len == 0; }

}  // namespace

struct HttpCalls {
  static dune_status send(const dune_host* h, const dune_http_request* request, dune_http_response* response,
                          dune_error* error) noexcept {
    try {
      return static_cast<HostServices*>(h->impl)->send(request, response, error);
    } catch (...) {
      return say(error, DUNE_E_INTERNAL, "the host has no memory for this request");
    }
  }
};

const dune_host_http_v1& http_extension() {
  static constexpr dune_host_http_v1 kHttp = {sizeof(dune_host_http_v1), kMaxHttpReplyBytes, HttpCalls::send};
  return kHttp;
}

dune_status HostServices::send(const dune_http_request* request, dune_http_response* response, dune_error* error) {
  dune_http_request asked{};
  if (response == nullptr || !take(request, asked, offsetof(dune_http_request, header_count) + sizeof(std::uint32_t))) {
    return say(error, DUNE_E_INVALID, "http: no request record, or no place for the response");
  }
  if (!is_text(asked.method) || !is_text(asked.url) || !is_text(asked.body) || asked.url.len > kMaxUrlBytes ||
      asked.header_count > kMaxHeaders || (asked.header_count > 0 && asked.headers == nullptr)) {
    return say(
        error, DUNE_E_INVALID,
        fmt::format("http: a URL has at most {} bytes, a request at most {} headers", kMaxUrlBytes, kMaxHeaders));
  }
  if (asked.body.len > kMaxHttpBodyBytes) {
    return say(error, DUNE_E_LIMIT,
               fmt::format("http: the body has {} bytes, at most {} are sent", asked.body.len, kMaxHttpBodyBytes));
  }
  HttpRequest out;
  out.method = view(asked.method);
  out.url = view(asked.url);
  out.body = view(asked.body);
  std::size_t header_bytes = 0;
  for (std::uint32_t i = 0; i < asked.header_count; ++i) {
    const auto& header = asked.headers[i];  // frozen type, no stride
    if (!is_text(header.name) || !is_text(header.value))
      return say(error, DUNE_E_INVALID, "http: a header without text");
    header_bytes += header.name.len + header.value.len;
    if (header_bytes > kMaxHeaderBytes) return say(error, DUNE_E_LIMIT, "http: the headers are too large");
    out.headers.emplace_back(view(header.name), view(header.value));
  }
  out.timeout = asked.timeout_ms == 0 ? kUsualTimeout : std::min(milliseconds(asked.timeout_ms), kMaxHttpTime);
  if (deadline_) {
    const auto left = std::chrono::duration_cast<milliseconds>(*deadline_ - clock_.steady());
    if (left.count() <= 0) return say(error, DUNE_E_TIMEOUT, "the deadline of this call has passed");
    out.timeout = std::min(out.timeout, left);
  }

  dune_http_response answer{};
  answer.struct_size = sizeof answer;
  reply_body_.clear();
  auto reply = services_.http(component_, out);
  if (!reply) {
    fill(response, answer);
    return say(error, status_of(reply.error().code), reply.error().text);
  }
  answer.status = reply->status;
  // 0 reads as "did not say", so a server that says "at once" gets the next best.
  if (reply->retry_after) answer.retry_after_ms = std::max<std::int64_t>(1, reply->retry_after->count());
  const bool too_long = reply->body.size() > kMaxHttpReplyBytes;
  if (!too_long) reply_body_ = std::move(reply->body);
  answer.body = to_str(reply_body_);
  fill(response, answer);
  if (!too_long) return DUNE_OK;
  return say(error, DUNE_E_LIMIT,
             fmt::format("HTTP {}, with an answer longer than {} bytes", answer.status, kMaxHttpReplyBytes));
}

}  // namespace dunetrace::plugin
