#include "ingest/privacy.hpp"

#include <algorithm>
#include <array>

#include "core/hash.hpp"
#include "json/reader.hpp"
#include "json/writer.hpp"

namespace dunetrace::ingest {

namespace {

constexpr std::array<std::string_view, 2> kGuarded{"args_hash", "error_hash"};

constexpr int sextet(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+' || c == '-') return 62;
  if (c == '/' || c == '_') return 63;
  return -1;
}

bool is_white(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\v' || c == '\f'; }

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_white(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_white(text.back())) text.remove_suffix(1);
  return text;
}

// Encoders break lines; blanks within a line are a text's own, and that is no Base64.
std::optional<std::string> without_line_breaks(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (!is_white(text[at])) {
      out.push_back(text[at]);
      continue;
    }
    bool breaks = false;
    for (; is_white(text[at]); ++at) breaks = breaks || text[at] == '\n' || text[at] == '\r';  // trimmed: it ends
    if (!breaks) return std::nullopt;
    --at;
  }
  return out;
}

std::optional<std::string> decoded(std::string_view value) {
  const auto joined = without_line_breaks(trimmed(value));
  if (!joined) return std::nullopt;
  std::string_view text = *joined;
  for (int padding = 0; padding < 2 && text.ends_with('='); ++padding) text.remove_suffix(1);
  if (text.empty() || text.size() % 4 == 1) return std::nullopt;
  std::string out;
  out.reserve(text.size() * 3 / 4);
  unsigned bits = 0, count = 0;
  for (const char c : text) {
    const int sixbits = sextet(c);
    if (sixbits < 0) return std::nullopt;
    bits = bits << 6 | static_cast<unsigned>(sixbits);
    count += 6;
    if (count >= 8) {
      count -= 8;
      out.push_back(static_cast<char>(bits >> count & 0xFF));
    }
  }
  return out;
}

// Browsers' btoa() encodes one byte per character: what is not UTF-8 may be Latin-1.
std::string latin1_to_utf8(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      out.push_back(c);
    } else {
      out.push_back(static_cast<char>(0xC0 | byte >> 6));
      out.push_back(static_cast<char>(0x80 | (byte & 0x3F)));
    }
  }
  return out;
}

bool is_hash(std::string_view value) {
  const auto text = trimmed(value);
  return text.size() >= 8 && text.size() <= 64 &&
         text.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
}

// Terminals' colours begin with ESC and are part of many an error text.
bool is_control(unsigned char c) { return (c < 0x20 && c != '\t' && c != '\n' && c != '\r' && c != 0x1B) || c == 0x7F; }

// UTF-8, or Latin-1 that is mostly ASCII, as texts are and digests are not.
bool is_printable(std::string_view text) {
  if (std::ranges::any_of(text, [](char c) { return is_control(static_cast<unsigned char>(c)); })) return false;
  if (json::repair_utf8(text) == text) return true;
  std::size_t ascii = 0;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x80 && byte < 0xA0) return false;
    if (byte < 0x80) ++ascii;
  }
  return ascii * 2 >= text.size();
}

// What begins like an object or an array and is a text gives the arguments away, even when it is cut off or nested
// more deeply than a parser goes.
bool is_structured_json(std::string_view text) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  text = trimmed(text);
  if (!text.starts_with('{') && !text.starts_with('[')) return false;
  if (is_printable(text)) return true;
  thread_local json::Parser parser(1000);  // deep arguments are arguments all the same
  const auto valid = [](std::string_view json) { return parser.parse(json).has_value(); };
  return valid(text) || valid(latin1_to_utf8(text));
}

bool is_reversible(std::string_view member, std::string_view value) {
  return member == "args_hash" ? is_reversible_args(value) : is_reversible_error(value);
}

// One past the closing quote of the string that begins at `at`; `text` is valid JSON.
std::size_t string_end(std::string_view text, std::size_t at) {
  for (++at; at < text.size() && text[at] != '"'; ++at) {
    if (text[at] == '\\') ++at;
  }
  return std::min(at + 1, text.size());
}

// The end of the JSON value that begins at `at`; `text` is valid JSON.
std::size_t value_end(std::string_view text, std::size_t at) {
  for (int depth = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '"') {
      at = string_end(text, at) - 1;
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if (c == '}' || c == ']') {
      if (depth == 0) return at;
      --depth;
    } else if (c == ',' && depth == 0) {
      return at;
    }
  }
  return at;
}

// The text of the string literal `token`, with its quotes.
std::string unescaped(std::string_view token) {
  if (token.find('\\') == std::string_view::npos) return std::string(token.substr(1, token.size() - 2));
  thread_local json::Parser parser;
  const auto value = parser.parse(token);
  return std::string(value ? value->string().value_or("") : "");
}

}  // namespace

bool is_reversible_args(std::string_view args_hash) {
  if (is_hash(args_hash)) return false;
  const auto bytes = decoded(args_hash);
  return bytes && is_structured_json(*bytes);
}

bool is_reversible_error(std::string_view error_hash) {
  if (is_hash(error_hash)) return false;
  const auto bytes = decoded(error_hash);
  return bytes && !bytes->empty() && is_printable(*bytes);
}

std::optional<std::string> without_reversible(std::string_view object) {
  // A guarded name stands there as it is, or with letters written as \uXXXX.
  constexpr auto npos = std::string_view::npos;
  if (object.find("_hash") == npos && object.find("\\u") == npos) return std::nullopt;
  std::string out;
  std::size_t copied = 0;
  std::size_t at = object.find('{');
  while (at != npos && at + 1 < object.size()) {
    const auto name_at = object.find_first_not_of(" \t\r\n", at + 1);
    if (name_at == npos || object[name_at] != '"') break;
    const auto name_end = string_end(object, name_at);
    const auto value_at = object.find_first_not_of(" \t\r\n:", name_end);
    if (value_at == npos) break;
    at = value_end(object, value_at);
    if (object[value_at] != '"') continue;
    const auto name = unescaped(object.substr(name_at, name_end - name_at));
    if (std::ranges::find(kGuarded, name) == kGuarded.end()) continue;
    const auto end = string_end(object, value_at);
    const auto value = unescaped(object.substr(value_at, end - value_at));
    if (!is_reversible(name, value)) continue;
    out.append(object, copied, name_at - copied).append(1, '"').append(name).append(1, '"');
    out.append(object, name_end, value_at - name_end).append(1, '"').append(hash16(value)).append(1, '"');
    copied = end;
  }
  if (copied == 0) return std::nullopt;
  return out.append(object, copied);
}

}  // namespace dunetrace::ingest
