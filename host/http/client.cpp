#include "http/client.hpp"

#include <algorithm>

#include "http/curl_parts.hpp"

namespace dunetrace::http {
namespace {

constexpr std::size_t kMaxResponseBytes = 16 * 1024 * 1024;  // a full page of the API is far below
constexpr long kConnectTimeoutMs = 5000;
constexpr long kStalledBytesPerSecond = 1;  // a server that sends nothing at all …
constexpr long kStalledSeconds = 30;        // … for this long is gone

// Returning less than it got is the only reliable way to end a transfer that is too large.
std::size_t take_body(const char* data, std::size_t size, std::size_t n, void* into) {
  auto& body = *static_cast<std::string*>(into);
  const auto bytes = size * n;
  if (body.size() + bytes > kMaxResponseBytes) return 0;
  body.append(data, bytes);
  return bytes;
}

// Addresses may hold secrets, so an error names the host only.
Result<std::string> checked_host(const std::string& url) {
  const CurlUrl parts(curl_url());
  if (!parts || curl_url_set(parts.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK) {
    return fail(Code::invalid_argument, "not a URL; expected http://host/path or https://host/path");
  }
  const auto scheme = url_part(parts.get(), CURLUPART_SCHEME);
  const auto host = url_part(parts.get(), CURLUPART_HOST);
  if (scheme != "http" && scheme != "https") {
    return fail(Code::invalid_argument, "URL scheme '" + scheme + "' is not http or https");
  }
  if (!url_part(parts.get(), CURLUPART_USER).empty() || !url_part(parts.get(), CURLUPART_PASSWORD).empty()) {
    return fail(Code::invalid_argument, "URL for " + host + " holds a user name or password; use a header instead");
  }
  return host;
}

}  // namespace

struct Client::Impl {
  CurlEasy easy;

  void set_fixed_options() {
    auto* const curl = easy.get();
    curl_easy_reset(curl);  // keeps the connection
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, kStalledBytesPerSecond);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, kStalledSeconds);
    curl_easy_setopt(curl, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
  }

  void set_request(Method method, const std::string& url, std::string_view body) {
    auto* const curl = easy.get();
    curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
    if (method == Method::head) {
      curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    } else if (method == Method::get && body.empty()) {
      curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L);
    } else {
      curl_easy_setopt(curl, CURLOPT_POST, 1L);
      curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.data());
      curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
      curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, std::string(to_text(method)).c_str());
    }
  }
};

Client::Client() : impl_(std::make_unique<Impl>()) {
  start_curl();
  impl_->easy.reset(curl_easy_init());
}

Client::~Client() = default;
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&&) noexcept = default;

Result<ClientResponse> Client::send(Method method, const std::string& url, const Headers& headers,
                                    std::string_view body, std::chrono::milliseconds timeout) {
  if (!impl_->easy) return fail(Code::internal, "libcurl could not be started");
  if (method == Method::other) return fail(Code::invalid_argument, "the request method is not one that can be sent");
  DUNE_TRY(host, checked_host(url));
  DUNE_TRY(list, header_list(headers));
  auto* const curl = impl_->easy.get();
  const auto limit_ms = std::max<long>(1, static_cast<long>(timeout.count()));  // 0 would mean no limit
  ClientResponse response;
  impl_->set_fixed_options();
  impl_->set_request(method, url, body);
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, list.get());
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, limit_ms);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, std::min(limit_ms, kConnectTimeoutMs));
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &response.body);
  const auto result = curl_easy_perform(curl);
  if (result == CURLE_OPERATION_TIMEDOUT) {
    return fail(Code::timeout, host + ": no complete answer within " + std::to_string(limit_ms) + " ms");
  }
  if (result == CURLE_WRITE_ERROR) {
    return fail(Code::unavailable,
                host + ": the answer is larger than " + std::to_string(kMaxResponseBytes) + " bytes");
  }
  if (result != CURLE_OK) return fail(Code::unavailable, host + ": " + curl_easy_strerror(result));
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  response.status = static_cast<int>(status);
  return response;
}

}  // namespace dunetrace::http
