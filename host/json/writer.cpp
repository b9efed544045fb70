#include "json/writer.hpp"

#include <charconv>
#include <cmath>
#include <utility>

namespace dunetrace::json {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

// The length of the valid UTF-8 sequence at `at`, 0 when there is none (overlong, surrogate, beyond U+10FFFF).
std::size_t sequence(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0U; };
  const auto tail = [&](std::size_t i) { return (byte(i) & 0xC0U) == 0x80U; };
  const unsigned lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return tail(1) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    if (!tail(1) || !tail(2)) return 0;
    if (lead == 0xE0 && byte(1) < 0xA0) return 0;
    if (lead == 0xED && byte(1) > 0x9F) return 0;
    return 3;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    if (!tail(1) || !tail(2) || !tail(3)) return 0;
    if (lead == 0xF0 && byte(1) < 0x90) return 0;
    if (lead == 0xF4 && byte(1) > 0x8F) return 0;
    return 4;
  }
  return 0;
}

bool plain(char c) {
  const auto u = static_cast<unsigned char>(c);
  return u >= 0x20 && u < 0x80 && c != '"' && c != '\\';
}

void append_escaped(std::string& out, char c) {
  constexpr char kHex[] = "0123456789abcdef";
  switch (c) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\b':
      out += "\\b";
      return;
    case '\f':
      out += "\\f";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      break;
  }
  out += "\\u00";
  out.push_back(kHex[(static_cast<unsigned char>(c) >> 4) & 0xF]);
  out.push_back(kHex[static_cast<unsigned char>(c) & 0xF]);
}

}  // namespace

void append_string(std::string& out, std::string_view text) {
  out.push_back('"');
  std::size_t i = 0;
  while (i < text.size()) {
    std::size_t end = i;
    while (end < text.size() && plain(text[end])) ++end;
    out.append(text, i, end - i);
    if (end == text.size()) break;
    i = end;
    if (static_cast<unsigned char>(text[i]) < 0x80) {
      append_escaped(out, text[i++]);
      continue;
    }
    const auto n = sequence(text, i);
    out.append(n == 0 ? kReplacement : text.substr(i, n));
    i += n == 0 ? 1 : n;
  }
  out.push_back('"');
}

std::string repair_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  std::size_t i = 0;
  while (i < text.size()) {
    const auto n = sequence(text, i);
    out.append(n == 0 ? kReplacement : text.substr(i, n));
    i += n == 0 ? 1 : n;
  }
  return out;
}

void append_number(std::string& out, double value) {
  if (!std::isfinite(value)) {
    out += "null";
    return;
  }
  char buffer[64];
  const double size = std::fabs(value);
  const bool fixed = size == 0 || (size >= 1e-5 && size < 1e16);
  const auto result = fixed ? std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::fixed)
                            : std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific);
  const std::string_view text(buffer, static_cast<std::size_t>(result.ptr - buffer));
  out += text;
  if (fixed && text.find('.') == std::string_view::npos) out += ".0";
}

bool Writer::before_value() {
  if (!ok_) return false;
  if (stack_.empty()) {
    if (!out_.empty()) ok_ = false;
    return ok_;
  }
  auto& top = stack_.back();
  switch (top) {
    case Frame::object_key:
      ok_ = false;
      return false;
    case Frame::object_value:
      top = Frame::object_key;
      break;
    case Frame::array_first:
      top = Frame::array_next;
      break;
    case Frame::array_next:
      out_.push_back(',');
      break;
  }
  return true;
}

void Writer::open(char c, Frame frame) {
  if (!before_value()) return;
  out_.push_back(c);
  stack_.push_back(frame);
}

void Writer::close(char c, bool object) {
  if (!ok_ || stack_.empty() || (stack_.back() == Frame::object_key) != object ||
      stack_.back() == Frame::object_value) {
    ok_ = false;
    return;
  }
  stack_.pop_back();
  out_.push_back(c);
}

void Writer::begin_object() { open('{', Frame::object_key); }
void Writer::end_object() { close('}', true); }
void Writer::begin_array() { open('[', Frame::array_first); }
void Writer::end_array() { close(']', false); }

void Writer::key(std::string_view name) {
  if (!ok_ || stack_.empty() || stack_.back() != Frame::object_key) {
    ok_ = false;
    return;
  }
  if (out_.back() != '{') out_.push_back(',');
  append_string(out_, name);
  out_.push_back(':');
  stack_.back() = Frame::object_value;
}

void Writer::string(std::string_view text) {
  if (before_value()) append_string(out_, text);
}

void Writer::integer(std::int64_t value) {
  if (!before_value()) return;
  char buffer[24];
  const auto result = std::to_chars(buffer, buffer + sizeof buffer, value);
  out_.append(buffer, result.ptr);
}

void Writer::real(double value) {
  if (before_value()) append_number(out_, value);
}

void Writer::boolean(bool value) {
  if (before_value()) out_ += value ? "true" : "false";
}

void Writer::null() {
  if (before_value()) out_ += "null";
}

void Writer::raw(std::string_view json) {
  if (json.empty()) {
    ok_ = false;
    return;
  }
  if (before_value()) out_ += json;
}

std::string Writer::take() {
  auto text = std::move(out_);
  clear();
  return text;
}

void Writer::clear() {
  out_.clear();
  stack_.clear();
  ok_ = true;
}

}  // namespace dunetrace::json
