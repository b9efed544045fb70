// dunetrace/testing/json.hpp - JSON values for tests: read, looked into, compared. Header only, C++17, nothing but the
// standard library. Plain values, no thread rule.
#pragma once
#include <dunetrace/testing/json_sink.hpp>

#include <charconv>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace dunetrace {
inline namespace v1 {
namespace testing {

// A JSON value that was read. Looking for what is not there gives a value that says so.
class Json {
 public:
  enum class Type { missing, null, boolean, integer, real, text, array, object };

  // Nothing when the text is no JSON, or deeper than 64 levels.
  static std::optional<Json> parse(std::string_view text);

  Type type() const noexcept { return type_; }
  bool missing() const noexcept { return type_ == Type::missing; }
  std::size_t size() const noexcept { return items_.size(); }
  // The value's own bytes in the text that was read.
  std::size_t begin() const noexcept { return begin_; }
  std::size_t end() const noexcept { return end_; }

  std::optional<bool> boolean() const { return when(Type::boolean, truth_); }
  std::optional<std::int64_t> integer() const { return when(Type::integer, whole_); }
  std::optional<double> number() const {
    return type_ == Type::integer ? std::optional(static_cast<double>(whole_)) : when(Type::real, real_);
  }
  const std::string* text() const noexcept { return type_ == Type::text ? &text_ : nullptr; }

  const Json& operator[](std::size_t index) const { return index < items_.size() ? items_[index] : nothing(); }
  const std::string& name(std::size_t index) const { return names_.at(index); }  // of an object's member
  const Json& operator[](std::string_view name) const {
    for (std::size_t i = names_.size(); i-- > 0;) {  // of repeated names the last one counts
      if (names_[i] == name) return items_[i];
    }
    return nothing();
  }
  // RFC 6901: "" = the value itself, "/a/0/b~1c". Nothing when the pointer is malformed.
  const Json* at(std::string_view pointer) const;

  std::string dump() const;  // compact text again

  friend bool operator==(const Json& a, const Json& b) {
    const auto x = a.number(), y = b.number();
    if (x && y) return std::fabs(*x - *y) <= 1e-9 * std::fmax(1.0, std::fabs(*x));
    if (a.type_ != b.type_ || a.items_.size() != b.items_.size()) return false;
    if (a.type_ == Type::object) {
      for (std::size_t i = 0; i < a.names_.size(); ++i) {
        if (!(a[a.names_[i]] == b[a.names_[i]])) return false;
      }
      return true;
    }
    return a.truth_ == b.truth_ && a.text_ == b.text_ && a.items_ == b.items_;
  }
  friend bool operator!=(const Json& a, const Json& b) { return !(a == b); }
  // Plain values: text, numbers, booleans, nullptr.
  template <class V, class = std::enable_if_t<!std::is_same_v<V, Json>>>
  friend bool operator==(const Json& json, const V& value) {
    return json == of(value);
  }
  template <class V, class = std::enable_if_t<!std::is_same_v<V, Json>>>
  friend bool operator!=(const Json& json, const V& value) {
    return !(json == of(value));
  }

  template <class V>
  static Json of(const V& value) {
    Json json;
    if constexpr (std::is_same_v<V, Json>) {
      json = value;
    } else if constexpr (std::is_same_v<V, std::nullptr_t>) {
      json.type_ = Type::null;
    } else if constexpr (std::is_same_v<V, bool>) {
      json.type_ = Type::boolean, json.truth_ = value;
    } else if constexpr (std::is_integral_v<V>) {
      json.type_ = Type::integer, json.whole_ = static_cast<std::int64_t>(value);
    } else if constexpr (std::is_floating_point_v<V>) {
      json.type_ = Type::real, json.real_ = static_cast<double>(value);
    } else if constexpr (std::is_convertible_v<const V&, std::string_view>) {
      json.type_ = Type::text, json.text_ = std::string(std::string_view(value));
    } else {  // a range
      json.type_ = Type::array;
      for (const auto& element : value) json.items_.push_back(of(element));
    }
    return json;
  }

 private:
  class Reader;
  template <class T>
  std::optional<T> when(Type type, T value) const {
    return type_ == type ? std::optional<T>(value) : std::nullopt;
  }
  static const Json& nothing() {
    static const Json none;
    return none;
  }

  Type type_ = Type::missing;
  bool truth_ = false;
  std::int64_t whole_ = 0;
  double real_ = 0;
  std::string text_;
  std::vector<std::string> names_;  // of an object's items
  std::vector<Json> items_;
  std::size_t begin_ = 0, end_ = 0;
};

class Json::Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  std::optional<Json> read() {
    Json json;
    if (!value(json, 0)) return std::nullopt;
    space();
    if (at_ != text_.size()) return std::nullopt;
    return json;
  }

 private:
  static constexpr int kDeepest = 64;

  void space() {
    while (at_ < text_.size() && std::string_view(" \t\r\n").find(text_[at_]) != std::string_view::npos) ++at_;
  }
  bool take(std::string_view word) {
    if (text_.substr(at_, word.size()) != word) return false;
    at_ += word.size();
    return true;
  }

  bool value(Json& out, int depth) {
    space();
    out.begin_ = at_;
    const bool good = depth <= kDeepest && typed(out, depth);
    out.end_ = at_;
    return good;
  }
  bool typed(Json& out, int depth) {
    switch (at_ < text_.size() ? text_[at_] : '\0') {
      case '{':
        return out.type_ = Type::object, list(out, '}', depth);
      case '[':
        return out.type_ = Type::array, list(out, ']', depth);
      case '"':
        return out.type_ = Type::text, string(out.text_);
      case 't':
        return out.type_ = Type::boolean, out.truth_ = true, take("true");
      case 'f':
        return out.type_ = Type::boolean, take("false");
      case 'n':
        return out.type_ = Type::null, take("null");
      default:
        return number(out);
    }
  }

  bool list(Json& out, char end, int depth) {
    ++at_;
    space();
    if (take(std::string_view(&end, 1))) return true;
    for (;;) {
      if (end == '}') {
        space();
        out.names_.emplace_back();
        if (at_ >= text_.size() || text_[at_] != '"' || !string(out.names_.back())) return false;
        space();
        if (!take(":")) return false;
      }
      out.items_.emplace_back();
      if (!value(out.items_.back(), depth + 1)) return false;
      space();
      if (take(std::string_view(&end, 1))) return true;
      if (!take(",")) return false;
    }
  }

  bool number(Json& out) {
    const std::size_t from = at_;
    const auto digits = [&] {
      const std::size_t first = at_;
      while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') ++at_;
      return at_ - first;
    };
    take("-");
    const std::size_t lead = at_;
    const std::size_t whole = digits();
    if (whole == 0 || (whole > 1 && text_[lead] == '0')) return false;
    bool integer = true;
    if (take(".")) {
      integer = false;
      if (digits() == 0) return false;
    }
    if (take("e") || take("E")) {
      integer = false;
      if (!take("+")) take("-");
      if (digits() == 0) return false;
    }
    const char* first = text_.data() + from;
    const char* last = text_.data() + at_;
    if (integer && std::from_chars(first, last, out.whole_).ec == std::errc()) {
      out.type_ = Type::integer;
      return true;
    }
    out.type_ = Type::real;
    return std::from_chars(first, last, out.real_).ec == std::errc();
  }

  bool string(std::string& out) {
    ++at_;
    while (at_ < text_.size()) {
      const char c = text_[at_++];
      if (c == '"') return true;
      if (static_cast<unsigned char>(c) < 0x20) return false;
      if (c != '\\') {
        out += c;
      } else if (!escape(out)) {
        return false;
      }
    }
    return false;
  }
  bool escape(std::string& out) {
    static constexpr std::string_view kFrom = "\"\\/bfnrt", kTo = "\"\\/\b\f\n\r\t";
    if (at_ >= text_.size()) return false;
    const char c = text_[at_++];
    if (c == 'u') return unicode(out);
    const auto known = kFrom.find(c);
    if (known == std::string_view::npos) return false;
    out += kTo[known];
    return true;
  }
  std::optional<unsigned> hex() {
    if (text_.size() - at_ < 4) return std::nullopt;
    unsigned code = 0;
    const char* first = text_.data() + at_;
    if (std::from_chars(first, first + 4, code, 16).ptr != first + 4) return std::nullopt;
    at_ += 4;
    return code;
  }
  bool unicode(std::string& out) {
    const auto high = hex();
    if (!high) return false;
    unsigned code = *high;
    if (code >= 0xD800 && code < 0xDC00 && text_.substr(at_, 2) == "\\u") {
      const std::size_t before = at_;
      at_ += 2;
      const auto low = hex();
      if (!low) return false;
      if (*low >= 0xDC00 && *low < 0xE000) {
        code = 0x10000 + ((code - 0xD800) << 10) + (*low - 0xDC00);
      } else {
        at_ = before;
      }
    }
    if (code >= 0xD800 && code < 0xE000) code = 0xFFFD;  // half a pair
    append_utf8(out, code);
    return true;
  }
  static void append_utf8(std::string& out, unsigned code) {
    const auto tail = [&](unsigned shift) { out += static_cast<char>(0x80 | ((code >> shift) & 0x3F)); };
    if (code < 0x80) {
      out += static_cast<char>(code);
    } else if (code < 0x800) {
      out += static_cast<char>(0xC0 | (code >> 6)), tail(0);
    } else if (code < 0x10000) {
      out += static_cast<char>(0xE0 | (code >> 12)), tail(6), tail(0);
    } else {
      out += static_cast<char>(0xF0 | (code >> 18)), tail(12), tail(6), tail(0);
    }
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

inline std::optional<Json> Json::parse(std::string_view text) { return Reader(text).read(); }

inline const Json* Json::at(std::string_view pointer) const {
  const Json* here = this;
  while (!pointer.empty()) {
    if (pointer.front() != '/') return nullptr;
    pointer.remove_prefix(1);
    const std::string_view part = pointer.substr(0, pointer.find('/'));
    pointer.remove_prefix(part.size());
    std::string name;
    for (std::size_t i = 0; i < part.size(); ++i) {
      if (part[i] != '~') {
        name += part[i];
        continue;
      }
      if (++i >= part.size() || (part[i] != '0' && part[i] != '1')) return nullptr;
      name += part[i] == '0' ? '~' : '/';
    }
    if (here->type_ != Type::array) {
      here = &(*here)[std::string_view(name)];
      continue;
    }
    std::size_t index = 0;
    const char* last = name.data() + name.size();
    const bool number = !name.empty() && std::from_chars(name.data(), last, index).ptr == last;
    here = number ? &(*here)[index] : &nothing();
  }
  return here;
}

inline std::string Json::dump() const {
  std::string out;
  switch (type_) {
    case Type::missing:
      return "nothing";
    case Type::null:
      return "null";
    case Type::boolean:
      return truth_ ? "true" : "false";
    case Type::integer:
      return std::to_string(whole_);
    case Type::real:
      return testing::detail::append_number(out, real_), out;
    case Type::text:
      return testing::detail::append_text(out, text_), out;
    case Type::array:
    case Type::object:
      break;
  }
  const bool object = type_ == Type::object;
  for (std::size_t i = 0; i < items_.size(); ++i) {
    out += i == 0 ? "" : ",";
    if (object) testing::detail::append_text(out, names_[i]), out += ':';
    out += items_[i].dump();
  }
  return (object ? "{" : "[") + out + (object ? "}" : "]");
}

}  // namespace testing
}  // namespace v1
}  // namespace dunetrace
