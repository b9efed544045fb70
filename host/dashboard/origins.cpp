#include "dashboard/origins.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace dunetrace::dashboard {
namespace {

constexpr std::size_t kMaxHost = 255;  // of a DNS name; longer is no address anybody typed

bool is_alnum(char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); }

bool is_port(std::string_view text) {
  return text.size() <= 5 && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool is_name(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return is_alnum(c) || c == '.' || c == '-'; });
}

bool is_ipv6(std::string_view text) {
  if (text.size() < 4 || text.front() != '[' || text.back() != ']') return false;
  text = text.substr(1, text.size() - 2);
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F') || (c >= 'a' && c <= 'f') || c == ':' || c == '.';
  });
}

// Splits "host:port" with the brackets of IPv6 kept; false when it is neither.
bool split_host(std::string_view text, std::string_view& host, std::string_view& port) {
  const auto from = text.starts_with('[') ? text.find(']') : 0;
  if (from == std::string_view::npos) return false;
  const auto colon = text.find(':', from);
  host = text.substr(0, colon);
  port = colon == std::string_view::npos ? std::string_view{} : text.substr(colon + 1);
  return text.size() <= kMaxHost && is_port(port) && (is_name(host) || is_ipv6(host));
}

}  // namespace

Result<std::string> host_of(std::string_view host_header) {
  if (host_header.empty()) return std::string("localhost");
  std::string_view host;
  std::string_view port;
  if (!split_host(host_header, host, port)) {
    return fail(Code::invalid_argument, "Host header: expected a host name or address with an optional port");
  }
  return std::string(host);
}

Result<std::string> origin_of(std::string_view url) {
  const auto refuse = [&] {
    return fail(Code::invalid_argument,
                fmt::format("API base '{}': expected http:// or https://, a host and an optional port", url));
  };
  const auto scheme = url.starts_with("https://") ? std::string_view("https://") : std::string_view("http://");
  if (!url.starts_with(scheme)) return refuse();
  const auto authority = url.substr(scheme.size(), url.find('/', scheme.size()) - scheme.size());
  std::string_view host;
  std::string_view port;
  if (!split_host(authority, host, port)) return refuse();
  return std::string(scheme).append(authority);
}

Result<Origins> origins_for(std::string_view host_header, std::string_view api_base, std::uint16_t api_port,
                            std::uint16_t ingest_port) {
  DUNE_TRY(host, host_of(host_header));
  while (api_base.ends_with('/')) api_base.remove_suffix(1);
  Origins origins;
  origins.api = api_base.empty() ? fmt::format("http://{}:{}", host, api_port) : std::string(api_base);
  origins.ingest = fmt::format("http://{}:{}", host, ingest_port);
  DUNE_TRY(origin, origin_of(origins.api));
  origins.api_origin = std::move(origin);
  return origins;
}

}  // namespace dunetrace::dashboard
