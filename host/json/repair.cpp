#include "json/repair.hpp"

#include <charconv>
#include <cstdint>
#include <cstring>

#include "json/reader.hpp"

namespace dunetrace::json {
namespace {

bool digit(char c) { return c >= '0' && c <= '9'; }

// The value of the four hex digits of an escape \uXXXX that starts at `at`; -1 when it is none.
int escape_at(std::string_view text, std::size_t at) {
  if (at + 6 > text.size() || text[at] != '\\' || text[at + 1] != 'u') return -1;
  unsigned value = 0;
  const auto* const end = text.data() + at + 6;
  const auto result = std::from_chars(text.data() + at + 2, end, value, 16);
  return result.ec == std::errc() && result.ptr == end ? static_cast<int>(value) : -1;
}

bool high(int c) { return c >= 0xD800 && c <= 0xDBFF; }
bool low(int c) { return c >= 0xDC00 && c <= 0xDFFF; }

// The end of the number token at `at`; `at` when the token is no JSON number.
std::size_t number_end(std::string_view text, std::size_t at) {
  std::size_t i = at;
  const auto digits = [&] {
    const auto from = i;
    while (i < text.size() && digit(text[i])) ++i;
    return i > from;
  };
  if (i < text.size() && text[i] == '-') ++i;
  const auto first = i;
  if (!digits()) return at;
  if (text[first] == '0' && i - first > 1) return at;
  if (i < text.size() && text[i] == '.') {
    ++i;
    if (!digits()) return at;
  }
  if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
    ++i;
    if (i < text.size() && (text[i] == '+' || text[i] == '-')) ++i;
    if (!digits()) return at;
  }
  return i;
}

bool representable(std::string_view token) {
  const auto* const end = token.data() + token.size();
  if (token.find_first_of(".eE") == std::string_view::npos) {
    std::int64_t whole = 0;
    std::uint64_t natural = 0;
    return std::from_chars(token.data(), end, whole).ec == std::errc() ||
           std::from_chars(token.data(), end, natural).ec == std::errc();  // read as a real
  }
  double real = 0;
  return std::from_chars(token.data(), end, real).ec == std::errc();
}

// Walks JSON text once; the visitors get the position of each escape inside strings and each number outside.
template <class OnEscape, class OnNumber>
void walk(std::string_view text, OnEscape on_escape, OnNumber on_number) {
  bool in_string = false;
  std::size_t i = 0;
  while (i < text.size()) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') {
        i += on_escape(i);
        continue;
      }
      if (c == '"') in_string = false;
      ++i;
    } else if (c == '"') {
      in_string = true;
      ++i;
    } else if (c == '-' || digit(c)) {
      i = on_number(i);
    } else {
      ++i;
    }
  }
}

constexpr std::size_t kMostDigits = 8'000;

// PostgreSQL's numeric holds 131,072 digits before the point and 16,383 after it; jsonb refuses the rest. Exponents end
// far earlier: a double ends at 308. And the database writes every zero out when the payload is read, so that six bytes
// become four hundred: what all numbers of one text may grow by is bounded too.
class NumericBudget {
 public:
  bool fits(std::string_view token) {
    constexpr int kLargestExponent = 400;
    if (token.size() > kMostDigits) return false;
    const auto mark = token.find_first_of("eE");
    if (mark == std::string_view::npos) return true;
    auto digits = token.substr(mark + 1);
    if (digits.starts_with('+')) digits.remove_prefix(1);
    int exponent = 0;
    const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), exponent);
    if (read.ec != std::errc() || exponent < -kLargestExponent || exponent > kLargestExponent) return false;
    const auto growth = static_cast<std::size_t>(exponent < 0 ? -exponent : exponent);
    if (growth > left_) return false;
    left_ -= growth;
    return true;
  }

 private:
  std::size_t left_ = 64 * 1024;
};

// Whether a number that does not fit is possible at all; cheap, because nearly no payload has one.
bool may_have_large_number(std::string_view json) {
  if (json.size() > kMostDigits) return true;
  for (std::size_t i = 1; i + 2 < json.size(); ++i) {
    if ((json[i] == 'e' || json[i] == 'E') && digit(json[i - 1])) {
      const auto sign = json[i + 1] == '+' || json[i + 1] == '-' ? 1u : 0u;
      const auto digits = json.substr(i + 1 + sign, 2);
      if (digits.size() == 2 && digit(digits[0]) && digit(digits[1])) return true;
    }
  }
  return false;
}

// How long the escape at `at` is, and whether it is half of a surrogate pair without the other half.
struct Escape {
  std::size_t length = 2;
  bool unpaired = false;
  bool zero = false;
};

Escape look(std::string_view text, std::size_t at) {
  const int code = escape_at(text, at);
  if (code < 0) return {};
  if (high(code) && low(escape_at(text, at + 6))) return {12, false, false};
  return {6, high(code) || low(code), code == 0};
}

}  // namespace

std::optional<std::string> repaired_for_parsing(std::string_view json) {
  std::optional<std::string> copy;
  const auto change = [&](std::size_t at, std::size_t length, std::string_view with) {
    if (!copy) copy.emplace(json);
    std::memset(copy->data() + at, ' ', length);
    std::memcpy(copy->data() + at, with.data(), with.size());
  };
  walk(
      json,
      [&](std::size_t at) {
        const auto escape = look(json, at);
        if (escape.unpaired) change(at, 6, "\\ufffd");
        return escape.length;
      },
      [&](std::size_t at) {
        const auto end = number_end(json, at);
        if (end == at) return at + 1;
        if (end - at >= 4 && !representable(json.substr(at, end - at))) change(at, end - at, "null");
        return end;
      });
  return copy;
}

std::optional<std::string> storable(std::string_view json) {
  if (json.find("\\u") == std::string_view::npos && !may_have_large_number(json)) return std::nullopt;
  std::string out;
  std::size_t copied = 0;
  bool changed = false;
  NumericBudget numbers;
  const auto change = [&](std::size_t at, std::size_t length, std::string_view with) {
    out.append(json, copied, at - copied).append(with);
    copied = at + length;
    changed = true;
  };
  walk(
      json,
      [&](std::size_t at) {
        const auto escape = look(json, at);
        if (escape.unpaired) change(at, 6, "\\ufffd");
        if (escape.zero) change(at, 6, "");
        return escape.length;
      },
      [&](std::size_t at) {
        const auto end = number_end(json, at);
        if (end == at) return at + 1;
        if (!numbers.fits(json.substr(at, end - at))) change(at, end - at, "null");
        return end;
      });
  if (!changed) return std::nullopt;
  out.append(json, copied);
  return out;
}

}  // namespace dunetrace::json
