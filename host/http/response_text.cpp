#include "http/response_text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>

#include "http/compression.hpp"
#include "http/framing.hpp"

namespace dunetrace::http {
namespace {

constexpr std::size_t kWorthPacking = 1024;  // below, a packet is a packet

// "Sun, 06 Nov 1994 08:49:37 GMT", made once a second per thread.
std::string_view http_date() {
  thread_local std::time_t second = 0;
  thread_local std::array<char, 40> text{};
  thread_local std::size_t length = 0;
  if (const auto now = std::time(nullptr); now != second) {
    std::tm parts{};
    gmtime_r(&now, &parts);
    length = std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
    second = now;
  }
  return {text.data(), length};
}

bool is_safe(std::string_view name, std::string_view value) {
  const auto name_char = [](char c) { return c > 0x20 && c < 0x7F && c != ':'; };
  const auto value_char = [](char c) { return c != '\r' && c != '\n' && c != '\0'; };
  return !name.empty() && std::ranges::all_of(name, name_char) && std::ranges::all_of(value, value_char);
}

bool is_ours(std::string_view name) {
  constexpr std::array<std::string_view, 6> kOurs{"content-length",    "connection",   "date",
                                                  "transfer-encoding", "x-request-id", "content-type"};
  return std::ranges::any_of(kOurs, [name](std::string_view ours) { return equal_ignoring_case(name, ours); });
}

std::string* find(Headers& headers, std::string_view name) {
  const auto found =
      std::ranges::find_if(headers, [name](const auto& h) { return equal_ignoring_case(h.first, name); });
  return found == headers.end() ? nullptr : &found->second;
}

void pack(Response& response, bool accepted) {
  if (response.body.size() <= kWorthPacking || !is_compressible(response.content_type) ||
      find(response.headers, "content-encoding") != nullptr) {
    return;
  }
  response.headers.emplace_back("Vary", "Accept-Encoding");
  if (!accepted) return;
  auto packed = gzip(response.body);
  if (packed.empty() || packed.size() >= response.body.size()) return;
  response.body = std::move(packed);
  response.headers.emplace_back("Content-Encoding", "gzip");
  // The packed form is another representation: the tag may no longer promise the same bytes.
  if (auto* tag = find(response.headers, "etag"); tag != nullptr && !tag->starts_with("W/")) tag->insert(0, "W/");
}

void add(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ").append(value).append("\r\n");
}

void add(std::string& out, std::string_view name, std::size_t value) {
  std::array<char, 24> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  add(out, name, std::string_view(digits.data(), static_cast<std::size_t>(end - digits.data())));
}

}  // namespace

std::string to_wire(Response response, const Wire& wire) {
  if (response.status < 200 || response.status > 599) response = Response::error(500, "Internal Server Error");
  const bool bodiless = response.status == 204 || response.status == 304;
  if (bodiless) response.body.clear();
  pack(response, wire.accepts_gzip);
  std::string out;
  out.reserve(256 + response.body.size());
  out.append("HTTP/1.1 ").append(std::to_string(response.status)).append(" ").append(reason_phrase(response.status));
  out.append("\r\n");
  add(out, "Date", http_date());
  if (!bodiless) {
    if (!response.content_type.empty() && is_safe("content-type", response.content_type)) {
      add(out, "Content-Type", response.content_type);
    }
    add(out, "Content-Length", response.body.size());
  }
  if (wire.close)
    add(out, "Connection", "close");
  else if (wire.minor_version == 0)
    add(out, "Connection", "keep-alive");
  add(out, "X-Request-Id", wire.request_id);
  // Nobody may guess another type than the one that is told.
  if (find(response.headers, "x-content-type-options") == nullptr) add(out, "X-Content-Type-Options", "nosniff");
  for (const auto& [name, value] : response.headers) {
    if (is_safe(name, value) && !is_ours(name)) add(out, name, value);
  }
  out.append("\r\n");
  if (!wire.head_only) out.append(response.body);
  return out;
}

}  // namespace dunetrace::http
