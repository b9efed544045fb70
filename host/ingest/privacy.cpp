#include "ingest/privacy.hpp"

#include <algorithm>
#include <array>

#include "core/hash.hpp"
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

std::optional<std::string> decoded(std::string_view text) {
  for (int padding = 0; padding < 2 && text.ends_with('='); ++padding) text.remove_suffix(1);
  if (text.empty() || text.size() % 4 == 1) return std::nullopt;
  std::string out;
  out.reserve(text.size() * 3 / 4);
  unsigned bits = 0, count = 0;
  for (const char c : text) {
    const int value = sextet(c);
    if (value < 0) return std::nullopt;
    bits = bits << 6 | static_cast<unsigned>(value);
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

bool is_structured_json(std::string_view text) {
  thread_local json::Parser parser(1000);  // deep arguments are arguments all the same
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos || (text[first] != '{' && text[first] != '[')) return false;
  const auto value = parser.parse(text);
  return value && (value->is_object() || value->is_array());
}

bool is_hash(std::string_view text) {
  return text.size() >= 8 && text.size() <= 64 &&
         text.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
}

bool is_printable(std::string_view text) {
  return json::repair_utf8(text) == text && std::ranges::none_of(text, [](char c) {
           const auto byte = static_cast<unsigned char>(c);
           return (byte < 0x20 && c != '\t' && c != '\n' && c != '\r') || byte == 0x7F;
         });
}

bool is_reversible(std::string_view member, std::string_view value) {
  return member == "args_hash" ? is_reversible_args(value) : is_reversible_error(value);
}

// The end of the JSON value that begins at `at`; `text` is valid JSON.
std::size_t value_end(std::string_view text, std::size_t at) {
  int depth = 0;
  for (bool in_string = false; at < text.size(); ++at) {
    const char c = text[at];
    if (in_string) {
      if (c == '\\') ++at;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
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

// Replaces the value of every member written exactly as "name"; false when there is none, for the name may be written
// with escapes.
bool replace_member(std::string& object, std::string_view name, std::string_view with) {
  const std::string key = '"' + std::string(name) + '"';
  bool found = false;
  std::size_t at = object.find('{');
  while (at != std::string::npos && at + 1 < object.size()) {
    const auto key_at = object.find_first_not_of(" \t\r\n", at + 1);
    if (key_at == std::string::npos || object[key_at] != '"') break;
    auto colon = key_at + 1;
    while (object[colon] != '"') colon += object[colon] == '\\' ? 2 : 1;
    const bool is_it = object.compare(key_at, colon + 1 - key_at, key) == 0;
    colon = object.find(':', colon);
    const auto end = value_end(object, colon + 1);
    at = end;
    if (is_it) {
      const auto text = '"' + std::string(with) + '"';
      object.replace(colon + 1, end - colon - 1, text);
      at = colon + 1 + text.size();
      found = true;
    }
  }
  return found;
}

// The whole object again; numbers come out in our format.
std::string rewritten(const json::Value& payload) {
  json::Writer out;
  out.begin_object();
  payload.each_member([&](std::string_view name, json::Value value) {
    const auto text = value.string();
    const bool guarded = std::ranges::find(kGuarded, name) != kGuarded.end();
    if (guarded && text && is_reversible(name, *text)) {
      out.field(name, hash16(*text));
    } else {
      out.field_raw(name, json::to_text(value));
    }
  });
  out.end_object();
  return out.take();
}

}  // namespace

bool is_reversible_args(std::string_view args_hash) {
  const auto bytes = decoded(args_hash);
  return bytes && (is_structured_json(*bytes) || is_structured_json(latin1_to_utf8(*bytes)));
}

bool is_reversible_error(std::string_view error_hash) {
  if (is_hash(error_hash)) return false;
  const auto bytes = decoded(error_hash);
  return bytes && !bytes->empty() && is_printable(*bytes);
}

std::optional<std::string> without_reversible(const json::Value& payload, std::string_view raw) {
  std::optional<std::string> changed;
  for (const auto name : kGuarded) {
    const auto text = payload[name].string();
    if (!text || !is_reversible(name, *text)) continue;
    if (!changed) changed.emplace(raw);
    if (!replace_member(*changed, name, hash16(*text))) return rewritten(payload);
  }
  return changed;
}

}  // namespace dunetrace::ingest
