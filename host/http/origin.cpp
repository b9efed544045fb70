#include "http/origin.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "http/curl_parts.hpp"

namespace dunetrace::http {
namespace {

constexpr std::uint16_t kHttp = 80, kHttps = 443;

tl::unexpected<Error> wrong(std::string text) { return fail(Code::invalid_argument, std::move(text)); }

// "[0:0::1]" → "::1"; empty when it is no IPv6 address.
std::string canonical_v6(const std::string& bracketed) {
  std::array<unsigned char, 16> bytes{};
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (::inet_pton(AF_INET6, bracketed.substr(1, bracketed.size() - 2).c_str(), bytes.data()) != 1) return {};
  return ::inet_ntop(AF_INET6, bytes.data(), text.data(), text.size()) == nullptr ? "" : text.data();
}

bool is_plain_name(std::string_view host) {
  return !host.empty() && host.size() <= 253 && std::ranges::all_of(host, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
  });
}

}  // namespace

Result<Origin> origin_of(std::string_view url) {
  const auto odd = [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == '\x7f' || c == '\\'; };
  if (url.empty() || std::ranges::any_of(url, odd)) {
    return wrong("not a URL; expected https://host/path without blanks");
  }
  const auto mark = url.find("://");  // libcurl would take one slash or three as well
  if (mark == std::string_view::npos || url.substr(mark + 3).starts_with('/')) {
    return wrong("not a URL; expected https://host/path");
  }
  const CurlUrl parts(curl_url());
  if (!parts ||
      curl_url_set(parts.get(), CURLUPART_URL, std::string(url).c_str(), CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK) {
    return wrong("not a URL; expected https://host/path");
  }
  Origin out;
  out.scheme = url_part(parts.get(), CURLUPART_SCHEME);
  if (out.scheme != "http" && out.scheme != "https") return wrong("the URL's scheme is not https (or http)");
  if (!url_part(parts.get(), CURLUPART_USER).empty() || !url_part(parts.get(), CURLUPART_PASSWORD).empty()) {
    return wrong("the URL holds a user name or password; a header is the place for them");
  }
  if (!url_part(parts.get(), CURLUPART_ZONEID).empty()) return wrong("the URL's address has a zone");
  out.host = url_part(parts.get(), CURLUPART_HOST);
  if (out.host.starts_with('[')) {
    out.host = canonical_v6(out.host);
    if (out.host.empty()) return wrong("the URL's host is no IPv6 address");
  } else {
    std::ranges::transform(out.host, out.host.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    if (out.host.ends_with('.')) out.host.pop_back();
    if (!is_plain_name(out.host)) return wrong("the URL's host is no plain host name (letters, digits, '.', '-', '_')");
  }
  out.port = out.scheme == "https" ? kHttps : kHttp;
  if (const auto port = url_part(parts.get(), CURLUPART_PORT); !port.empty()) {
    const auto* end = port.data() + port.size();
    if (std::from_chars(port.data(), end, out.port).ptr != end || out.port == 0)
      return wrong("the URL's port is wrong");
  }
  return out;
}

std::string to_text(const Origin& origin) {
  const bool v6 = origin.host.find(':') != std::string::npos;
  auto text = origin.scheme + "://" + (v6 ? "[" + origin.host + "]" : origin.host);
  if (origin.port != (origin.scheme == "https" ? kHttps : kHttp)) text += ":" + std::to_string(origin.port);
  return text;
}

}  // namespace dunetrace::http
