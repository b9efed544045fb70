// The privacy guard. By the first byte: any text as a payload; or a text that is what the guard is there for, written
// as Base64 into a payload in one of the ways clients have.
#include "fuzz.hpp"
#include "ingest/privacy.hpp"
#include "json/reader.hpp"
#include "json/writer.hpp"

namespace dunetrace::fuzz {
namespace {

using namespace ingest;

std::string base64(std::string_view text, bool url, bool padded, std::size_t line) {
  constexpr std::string_view kPlain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  constexpr std::string_view kUrl = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string out;
  unsigned bits = 0, count = 0;
  const auto put = [&](unsigned sextet) {
    if (line > 0 && !out.empty() && out.size() % line == 0) out += "\r\n";
    out += (url ? kUrl : kPlain)[sextet & 63U];
  };
  for (const char c : text) {
    bits = bits << 8 | static_cast<unsigned char>(c);
    for (count += 8; count >= 6; count -= 6) put(bits >> (count - 6));
  }
  if (count > 0) put(bits << (6 - count));
  const auto rest = text.size() % 3;
  if (padded && rest != 0) out += rest == 1 ? "==" : "=";
  return out;
}

// A valid payload, whatever it holds, stays one, and says the same but for the two members.
void check_payload(std::string_view text) {
  json::Parser before, after;
  const auto given = before.parse(text);
  if (!given || !given->is_object() || json::storable(text)) return;
  const auto guarded = without_reversible(text);
  if (!guarded) return;
  const auto made = after.parse(*guarded);
  DUNE_HOLDS(made && made->is_object() && made->size() == given->size(), *guarded);
  DUNE_HOLDS(!without_reversible(*guarded), *guarded);
  made->each_member([&](std::string_view name, json::Value value) {
    const bool watched = name == "args_hash" || name == "error_hash";
    if (!watched) DUNE_HOLDS(json::to_text((*given)[name]) == json::to_text((*made)[name]), *guarded);
    if (name == "args_hash" && value.string()) DUNE_HOLDS(!is_reversible_args(*value.string()), *guarded);
  });
}

bool has_control(std::string_view text) {
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte == 0x7F || (byte < 0x20 && byte != '\t' && byte != '\n' && byte != '\r' && byte != 0x1B)) return true;
  }
  return false;
}

void check_secret(Choices& choices) {
  const bool url = choices.flag(), padded = choices.flag();
  const std::size_t line = choices.flag() ? 76 : 0;
  const auto text = std::string("{\"") + std::string(choices.rest());
  const auto hash = base64(text, url, padded, line);
  if (!is_utf8(text) || has_control(text)) return;
  DUNE_HOLDS(is_reversible_args(hash), text);
  DUNE_HOLDS(is_reversible_error(hash), text);
  json::Writer payload;
  payload.begin_object();
  payload.field("tool_name", "t");
  payload.field("args_hash", hash);
  payload.end_object();
  const auto guarded = without_reversible(payload.text());
  DUNE_HOLDS(guarded && guarded->find(hash) == std::string::npos, payload.text());
  check_payload(payload.text());
}

}  // namespace

void run(std::string_view input) {
  Choices choices(input);
  if (!choices.flag()) return check_secret(choices);
  const auto text = choices.rest();
  check_payload(text);
  static_cast<void>(is_reversible_args(text));
  static_cast<void>(is_reversible_error(text));
}

}  // namespace dunetrace::fuzz
