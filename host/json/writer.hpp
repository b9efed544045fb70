// Writes JSON text. Field order, escaping and number format are ours: text is repaired to valid UTF-8, non-finite
// numbers become null, integral doubles keep ".0". One writer per thread; reuse by clear().
// A misuse (a value where a key is due, an unbalanced end) sets ok() to false and stays.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dunetrace::json {

class Writer {
 public:
  void begin_object();
  void end_object();
  void begin_array();
  void end_array();
  void key(std::string_view name);
  void string(std::string_view text);
  void integer(std::int64_t value);
  void real(double value);
  void boolean(bool value);
  void null();
  // Text that is one complete, valid JSON value already.
  void raw(std::string_view json);

  // key + value in one call.
  void field(std::string_view name, std::string_view text) { key(name), string(text); }
  void field(std::string_view name, const char* text) { key(name), string(text); }
  void field(std::string_view name, const std::string& text) { key(name), string(text); }
  void field(std::string_view name, double value) { key(name), real(value); }
  void field(std::string_view name, bool value) { key(name), boolean(value); }
  template <class T>
  requires std::is_integral_v<T>
  void field(std::string_view name, T value) { key(name), integer(static_cast<std::int64_t>(value)); }
  void field_null(std::string_view name) { key(name), null(); }
  void field_raw(std::string_view name, std::string_view json) { key(name), raw(json); }

  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] bool complete() const { return ok_ && stack_.empty() && !out_.empty(); }
  [[nodiscard]] std::size_t depth() const { return stack_.size(); }
  [[nodiscard]] const std::string& text() const { return out_; }
  [[nodiscard]] std::string take();
  void clear();

 private:
  enum class Frame : char { object_key, object_value, array_first, array_next };
  bool before_value();
  void open(char c, Frame frame);
  void close(char c, bool object);

  std::string out_;
  std::vector<Frame> stack_;
  bool ok_ = true;
};

// Appends `text` as a JSON string literal with quotes; invalid UTF-8 becomes U+FFFD.
void append_string(std::string& out, std::string_view text);

// Shortest text that reads back as the same double: 3.0, 0.7667, 1e+300; null when not finite.
void append_number(std::string& out, double value);

// `text` with every invalid UTF-8 sequence replaced by U+FFFD.
[[nodiscard]] std::string repair_utf8(std::string_view text);

}  // namespace dunetrace::json
