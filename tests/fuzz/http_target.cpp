// A request target: what is decoded is text that can be stored, and encoding it again and decoding that changes
// nothing.
#include <algorithm>

#include "fuzz.hpp"
#include "http/router_match.hpp"
#include "http/url.hpp"

namespace dunetrace::fuzz {
namespace {

using namespace http;

std::string encoded(std::string_view text) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z')) {
      out += c;
    } else {
      out += {'%', kHex[byte >> 4], kHex[byte & 15U]};
    }
  }
  return out;
}

bool has_escaped_nul(std::string_view text) { return text.find("%00") != std::string_view::npos; }

void check_text(std::string_view source, std::string_view decoded) {
  DUNE_HOLDS(is_utf8(decoded), source);
  DUNE_HOLDS(!has_escaped_nul(source), source);
  if (decoded.find('\0') == std::string_view::npos) {
    DUNE_HOLDS(percent_decode(encoded(decoded)) == decoded, source);
    DUNE_HOLDS(percent_decode(encoded(decoded), true) == decoded, source);
  }
}

const Router& router() {
  static const Router* const made = [] {
    auto* const out = new Router();  // for the life of the process
    const auto handler = [](const Request&) { return Response(); };
    for (const auto* route : {"/v1/runs/{run_id}", "/v1/runs/{run_id}/signals", "/v1/runs/all", "/health", "/"})
      out->get(route, handler);
    out->post("/v1/{a}/{b}", handler);
    return out;
  }();
  return *made;
}

}  // namespace

void run(std::string_view input) {
  for (const bool plus : {false, true}) {
    if (const auto decoded = percent_decode(input, plus)) check_text(input, *decoded);
  }
  const auto target = parse_target(input);
  if (!target) return;
  DUNE_HOLDS(target->path.starts_with('/') && target->path.find('?') == std::string::npos, input);
  std::string again = target->path + "?";
  for (const auto& [name, value] : target->query) {
    DUNE_HOLDS(is_utf8(name) && is_utf8(value), input);
    if (name.find('\0') != std::string::npos || value.find('\0') != std::string::npos) return;
    again += encoded(name) + "=" + encoded(value) + "&";
  }
  const auto copy = parse_target(again);
  DUNE_HOLDS(copy && copy->path == target->path && copy->query == target->query, again);
  for (const auto method : {Method::get, Method::head, Method::post}) {
    const auto match = router().match(method, target->path);
    DUNE_HOLDS((match.kind == Router::Match::Kind::found) == (match.handler != nullptr), input);
    for (const auto& [name, value] : match.params) check_text("", value);
  }
}

}  // namespace dunetrace::fuzz
