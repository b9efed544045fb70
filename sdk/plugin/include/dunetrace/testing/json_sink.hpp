// dunetrace/testing/json_sink.hpp - the JSON writer that a plugin is handed in a test; it behaves like the host's.
// Header only, C++17.
#pragma once
#include <dunetrace/view.hpp>

#include <charconv>
#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dunetrace {
inline namespace v1 {
namespace testing {

namespace detail {

// Length of the valid UTF-8 sequence that `text` begins with; 0 when there is none.
inline std::size_t utf8_length(std::string_view text) noexcept {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  const auto tail = [&](std::size_t i) { return (byte(i) & 0xC0u) == 0x80u; };
  const unsigned lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return tail(1) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    const bool wrong = (lead == 0xE0 && byte(1) < 0xA0) || (lead == 0xED && byte(1) > 0x9F);
    return tail(1) && tail(2) && !wrong ? 3 : 0;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    const bool wrong = (lead == 0xF0 && byte(1) < 0x90) || (lead == 0xF4 && byte(1) > 0x8F);
    return tail(1) && tail(2) && tail(3) && !wrong ? 4 : 0;
  }
  return 0;
}

inline void append_escaped(std::string& out, unsigned char c) {
  static constexpr char hex[] = "0123456789abcdef";
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
  out += hex[c >> 4];
  out += hex[c & 0xF];
}

// As the host does: NUL is left out (the database refuses it), what is no UTF-8 becomes U+FFFD.
inline void append_text(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    const auto c = static_cast<unsigned char>(text.front());
    const std::size_t length = utf8_length(text);
    if (length == 0) {
      out += "\xEF\xBF\xBD";
    } else if (c < 0x20 || c == '"' || c == '\\') {
      if (c != 0) append_escaped(out, c);
    } else {
      out += text.substr(0, length);
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
  out += '"';
}

// The shortest text that reads back as the same number; a whole one keeps ".0".
inline void append_number(std::string& out, double value) {
  if (!std::isfinite(value)) {
    out += "null";
    return;
  }
  char buffer[64];
  const double size = std::fabs(value);
  const bool fixed = size == 0 || (size >= 1e-5 && size < 1e16);
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value,
                                 fixed ? std::chars_format::fixed : std::chars_format::scientific)
                       .ptr;
  const std::string_view text(buffer, static_cast<std::size_t>(end - buffer));
  out += text;
  if (fixed && text.find('.') == std::string_view::npos) out += ".0";
}

}  // namespace detail

// What a plugin writes through dune_json, as text. Misuse (a value where a key is due, an unbalanced end) sticks.
class JsonSink {
 public:
  JsonSink() noexcept {
    table_.struct_size = sizeof table_;
    table_.impl = this;
    table_.begin_object = [](dune_json* j) { self(j).open('{'); };
    table_.end_object = [](dune_json* j) { self(j).close('{', '}'); };
    table_.begin_array = [](dune_json* j) { self(j).open('['); };
    table_.end_array = [](dune_json* j) { self(j).close('[', ']'); };
    table_.key = [](dune_json* j, dune_str name) { self(j).key(view(name)); };
    table_.str = [](dune_json* j, dune_str text) { text.ptr ? self(j).text(view(text)) : self(j).raw("null"); };
    table_.i64 = [](dune_json* j, std::int64_t value) { self(j).raw(std::to_string(value)); };
    table_.f64 = [](dune_json* j, double value) { self(j).number(value); };
    table_.boolean = [](dune_json* j, std::uint32_t value) { self(j).raw(value ? "true" : "false"); };
    table_.null = [](dune_json* j) { self(j).raw("null"); };
    table_.raw = [](dune_json* j, dune_str text) { self(j).raw(view(text)); };
  }
  JsonSink(const JsonSink&) = delete;  // the table points here
  JsonSink& operator=(const JsonSink&) = delete;

  dune_json* table() noexcept { return &table_; }
  bool complete() const noexcept { return ok_ && open_.empty() && !text_.empty(); }
  const std::string& text() const noexcept { return text_; }
  void clear() { text_.clear(), open_.clear(), ok_ = true; }

 private:
  struct Frame {
    char bracket;
    bool empty, has_key;
  };
  static JsonSink& self(const dune_json* json) noexcept { return *static_cast<JsonSink*>(json->impl); }

  bool before_value() {
    if (open_.empty()) return ok_ = ok_ && text_.empty();
    Frame& top = open_.back();
    if (top.bracket == '{') {
      ok_ = ok_ && top.has_key;
      top.has_key = false;
    } else if (ok_ && !top.empty) {
      text_ += ',';
    }
    top.empty = false;
    return ok_;
  }
  void open(char bracket) {
    if (before_value()) text_ += bracket, open_.push_back({bracket, true, false});
  }
  void close(char bracket, char end) {
    ok_ = ok_ && !open_.empty() && open_.back().bracket == bracket && !open_.back().has_key;
    if (ok_) text_ += end, open_.pop_back();
  }
  void key(std::string_view name) {
    ok_ = ok_ && !open_.empty() && open_.back().bracket == '{' && !open_.back().has_key;
    if (!ok_) return;
    if (!open_.back().empty) text_ += ',';
    testing::detail::append_text(text_, name);
    text_ += ':';
    open_.back().has_key = true;
  }
  void text(std::string_view value) {
    if (before_value()) testing::detail::append_text(text_, value);
  }
  void number(double value) {
    if (before_value()) testing::detail::append_number(text_, value);
  }
  void raw(std::string_view value) {
    if (before_value()) text_ += value;
  }

  dune_json table_{};
  std::string text_;
  std::vector<Frame> open_;
  bool ok_ = true;
};

}  // namespace testing
}  // namespace v1
}  // namespace dunetrace
