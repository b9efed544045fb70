// dunetrace/json_text.hpp - builds a JSON text, for request bodies: C++17, header only, nothing of the host. Texts from
// the host are valid UTF-8 and stay so.
//   JsonText json;
//   json.begin_object().value("title", alert.title()).key("tags").begin_array().value("a").end_array().end_object();
//   request.body = json.take();
#pragma once
#include <dunetrace/view.hpp>

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace dunetrace {
inline namespace v1 {

class JsonText {
 public:
  JsonText& begin_object() { return open('{'); }
  JsonText& end_object() { return close('}'); }
  JsonText& begin_array() { return open('['); }
  JsonText& end_array() { return close(']'); }
  JsonText& key(std::string_view name) {
    separate();
    quote(name);
    out_ += ':';
    first_ = true;  // no comma before the value
    return *this;
  }

  // bool, numbers, text, nullptr and std::optional of these (empty = null).
  template <class V>
  JsonText& value(const V& v) {
    if constexpr (std::is_same_v<V, std::nullptr_t>) {
      return raw("null");
    } else if constexpr (std::is_same_v<V, bool>) {
      return raw(v ? "true" : "false");
    } else if constexpr (std::is_integral_v<V>) {
      return raw(std::to_string(v));
    } else if constexpr (std::is_floating_point_v<V>) {
      return number(static_cast<double>(v));
    } else if constexpr (std::is_convertible_v<const V&, std::string_view>) {
      separate();
      quote(v);
      return *this;
    } else {
      return v ? value(*v) : raw("null");
    }
  }
  template <class V>
  JsonText& value(std::string_view name, const V& v) {
    return key(name).value(v);
  }
  // One JSON value as text, for instance an alert's evidence.
  JsonText& raw(std::string_view json) {
    separate();
    out_ += json;
    return *this;
  }

  const std::string& text() const noexcept { return out_; }
  std::string take() noexcept { return std::move(out_); }

 private:
  JsonText& open(char bracket) {
    separate();
    out_ += bracket;
    first_ = true;
    return *this;
  }
  JsonText& close(char bracket) {
    out_ += bracket;
    first_ = false;
    return *this;
  }
  void separate() {
    if (!first_) out_ += ',';
    first_ = false;
  }
  // Digits and exponents are the same in every locale but for the decimal point, which is put right.
  JsonText& number(double value) {
    if (!std::isfinite(value)) return raw("null");
    char digits[32];
    for (int precision = 15; precision <= 17; ++precision) {
      std::snprintf(digits, sizeof digits, "%.*g", precision, value);
      if (std::strtod(digits, nullptr) == value) break;  // the shortest of these that reads back the same
    }
    for (char* c = digits; *c != '\0'; ++c) {
      if (*c == ',') *c = '.';
    }
    return raw(digits);
  }
  void quote(std::string_view text) {
    static constexpr char kHex[] = "0123456789abcdef";
    out_ += '"';
    for (const char c : text) {
      const auto byte = static_cast<unsigned char>(c);
      if (c == '"' || c == '\\') {
        (out_ += '\\') += c;
      } else if (c == '\n') {
        out_ += "\\n";
      } else if (byte < 0x20) {
        ((out_ += "\\u00") += kHex[byte >> 4U]) += kHex[byte & 15U];
      } else {
        out_ += c;
      }
    }
    out_ += '"';
  }

  std::string out_;
  bool first_ = true;
};

}  // namespace v1
}  // namespace dunetrace
