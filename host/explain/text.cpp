#include "explain/text.hpp"

#include <array>
#include <charconv>
#include <cmath>

namespace dunetrace::explain {

namespace {

constexpr char32_t kReplacement = 0xFFFD;

// Reads one code point at `at` and moves behind it; U+FFFD and one byte for anything malformed.
char32_t next_code_point(std::string_view text, std::size_t& at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto lead = byte(at);
  const std::size_t length = lead < 0x80   ? 1
                             : lead < 0xC2 ? 0
                             : lead < 0xE0 ? 2
                             : lead < 0xF0 ? 3
                             : lead < 0xF5 ? 4
                                           : 0;
  if (length == 0 || at + length > text.size()) return ++at, kReplacement;
  if (length == 1) return byte(at++);
  char32_t code = lead & (0xFFu >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(at + i) & 0xC0u) != 0x80u) return ++at, kReplacement;
    code = (code << 6) | (byte(at + i) & 0x3Fu);
  }
  constexpr std::array<char32_t, 5> kSmallest = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
  if (code < kSmallest[length] || code > 0x10FFFF || surrogate) return ++at, kReplacement;
  at += length;
  return code;
}

bool is_blank(char32_t c) { return c == '\n' || c == '\r' || c == '\t' || c == 0x85 || c == 0x2028 || c == 0x2029; }

// Invisible, or able to change how the text around it is shown.
bool is_hidden(char32_t c) {
  return c < 0x20 || (c >= 0x7F && c <= 0x9F) || c == 0xAD || c == 0x61C || c == 0x180E ||
         (c >= 0x200B && c <= 0x200F) || (c >= 0x202A && c <= 0x202E) || (c >= 0x2060 && c <= 0x206F) || c == 0xFEFF ||
         (c >= 0xFFF9 && c <= 0xFFFB) || (c >= 0xE0000 && c <= 0xE007F);
}

bool is_simple(std::string_view text) {
  for (const char c : text) {
    if (c < 0x20 || c > 0x7E || c == '`') return false;
  }
  return true;
}

void append_visible(std::string& out, std::string_view text, std::size_t max_chars, std::string_view backtick) {
  if (text.size() <= max_chars && is_simple(text)) {
    out += text;
    return;
  }
  std::size_t chars = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t from = at;
    char32_t c = next_code_point(text, at);
    if (is_blank(c)) c = ' ';
    if (is_hidden(c)) continue;
    if (++chars > max_chars) {
      out += "…";
      return;
    }
    if (c == '`') {
      out += backtick;
    } else if (c == ' ') {
      out += ' ';
    } else if (c == kReplacement) {
      out += "\xEF\xBF\xBD";
    } else {
      out += text.substr(from, at - from);
    }
  }
}

void trim_zeros(std::string& number) {
  if (number.find('.') == std::string::npos) return;
  while (number.back() == '0') number.pop_back();
  if (number.back() == '.') number.pop_back();
  if (number == "-0") number = "0";
}

std::string fixed(double value, int decimals) {
  std::array<char, 64> buffer{};  // callers keep |value| below 1e15: at most 16 + 1 + 9 characters
  const auto end =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::fixed, decimals);
  return {buffer.data(), end.ptr};
}

std::string scientific(double value) {
  std::array<char, 64> buffer{};
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::general, 4);
  return {buffer.data(), end.ptr};
}

}  // namespace

void append_clean(std::string& out, std::string_view value, std::size_t max_chars) {
  append_visible(out, value, max_chars, "'");
}

std::string clean(std::string_view value, std::size_t max_chars) {
  std::string out;
  append_visible(out, value, max_chars, "'");
  return out;
}

std::string one_line(std::string_view text, std::size_t max_chars) {
  std::string out;
  append_visible(out, text, max_chars, "`");
  return out;
}

std::string visible(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t from = at;
    const char32_t c = next_code_point(text, at);
    if (c == '\n' || c == '\t' || !(is_blank(c) || is_hidden(c) || c == kReplacement))
      out += text.substr(from, at - from);
    else if (is_blank(c) && !(c == '\r' && at < text.size() && text[at] == '\n'))
      out += '\n';
    else if (c == kReplacement)
      out += "\xEF\xBF\xBD";
  }
  return out;
}

std::string human_number(double value, int decimals) {
  if (!std::isfinite(value)) return "unknown";
  const double size = std::fabs(value);
  if (size >= 1e15) return scientific(value);
  // Below what the decimals can show, a value that is not zero would read as 0.
  if (decimals >= 4 && size > 0 && size < 0.00005) return scientific(value);
  auto text = fixed(value, decimals);
  trim_zeros(text);
  return text == "-0" ? "0" : text;
}

std::string grouped_number(double value) {
  auto text = human_number(value, 2);
  const std::size_t start = text.starts_with('-') ? 1 : 0;
  std::size_t end = text.find_first_of(".e");
  if (end == std::string::npos) end = text.size();
  if (text.find('e') != std::string::npos || end - start < 5) return text;
  for (std::size_t at = end; at > start + 3;) text.insert(at -= 3, 1, ',');
  return text;
}

std::string seconds_text(double milliseconds) {
  if (!std::isfinite(milliseconds)) return "unknown";
  if (std::fabs(milliseconds) < 100) return human_number(milliseconds, 1) + " ms";
  if (std::fabs(milliseconds) >= 1e15) return scientific(milliseconds / 1000) + " s";
  return fixed(milliseconds / 1000, 1) + " s";
}

std::int64_t whole_percent(double fraction) {
  if (!std::isfinite(fraction) || std::fabs(fraction) > 1e12) return 0;
  return std::llround(fraction * 10000) / 100;
}

}  // namespace dunetrace::explain
