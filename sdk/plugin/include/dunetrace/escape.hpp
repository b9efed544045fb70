// dunetrace/escape.hpp - making texts safe for the place they are sent to, header only, C++17, no host needed.
//
// What an alert says (Alert::title(), what(), …) is plain text: valid UTF-8 without control characters, a title on one
// line. It holds names that strangers chose, so it may say "<!channel>", "<script>" or "*bold*". Whoever sends it on
// escapes it, once, for the language of the place; whoever writes JSON needs nothing of this, JsonText escapes.
//
//   body = "<p>" + dunetrace::escape_html(alert.what()) + "</p>";
//   text = dunetrace::escape_markup(alert.what(), 3000);  // chat markup that knows only & < > as entities
#pragma once
#include <cstddef>
#include <string>
#include <string_view>

namespace dunetrace {
inline namespace v1 {
namespace detail {

// The bytes of the code point at `at`; 0 where there is none.
inline std::size_t code_point_bytes(std::string_view text, std::size_t at) noexcept {
  const auto lead = static_cast<unsigned char>(text[at]);
  const std::size_t length = lead < 0x80   ? 1
                             : lead < 0xC2 ? 0
                             : lead < 0xE0 ? 2
                             : lead < 0xF0 ? 3
                             : lead < 0xF5 ? 4
                                           : 0;
  if (length == 0 || at + length > text.size()) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((static_cast<unsigned char>(text[at + i]) & 0xC0u) != 0x80u) return 0;
  }
  return length;
}

// `entity_of(char)` gives what stands for a character, or an empty text. A result of more than `max_bytes` ends in an
// ellipsis, and is never cut inside of a character or an entity.
template <class EntityOf>
std::string escaped(std::string_view text, std::size_t max_bytes, EntityOf entity_of) {
  constexpr std::string_view kEllipsis = "\xE2\x80\xA6", kReplacement = "\xEF\xBF\xBD";
  std::string out;
  std::size_t fits = 0;  // of `out` with an ellipsis behind it
  for (std::size_t at = 0; at < text.size();) {
    const auto bytes = code_point_bytes(text, at);
    std::string_view piece = bytes == 0 ? kReplacement : text.substr(at, bytes);
    if (bytes == 1) {
      if (const std::string_view entity = entity_of(text[at]); !entity.empty()) piece = entity;
    }
    if (out.size() + piece.size() > max_bytes) {
      out.resize(fits);
      if (kEllipsis.size() <= max_bytes) out += kEllipsis;
      return out;
    }
    out += piece;
    if (out.size() + kEllipsis.size() <= max_bytes) fits = out.size();
    at += bytes == 0 ? 1 : bytes;
  }
  return out;
}

}  // namespace detail

inline constexpr std::size_t kWhole = static_cast<std::size_t>(-1);

// For the text and the quoted attributes of HTML.
inline std::string escape_html(std::string_view text, std::size_t max_bytes = kWhole) {
  return detail::escaped(text, max_bytes, [](char c) -> std::string_view {
    switch (c) {
      case '&':
        return "&amp;";
      case '<':
        return "&lt;";
      case '>':
        return "&gt;";
      case '"':
        return "&quot;";
      case '\'':
        return "&#39;";
      default:
        return {};
    }
  });
}

// For chat markup in which <…> means a link, a mention or a command, and & < > are written as entities.
inline std::string escape_markup(std::string_view text, std::size_t max_bytes = kWhole) {
  return detail::escaped(text, max_bytes, [](char c) -> std::string_view {
    switch (c) {
      case '&':
        return "&amp;";
      case '<':
        return "&lt;";
      case '>':
        return "&gt;";
      default:
        return {};
    }
  });
}

// The same between ``` fences, which nothing in the text can close. `max_bytes` counts the fences; at least 16.
inline std::string markup_code_block(std::string_view code, std::size_t max_bytes = kWhole) {
  constexpr std::string_view kOpen = "```\n", kClose = "\n```";
  std::string tame(code);
  for (auto at = tame.find("```"); at != std::string::npos; at = tame.find("```", at)) tame.replace(at, 3, "'''");
  while (!tame.empty() && tame.back() == '`') tame.back() = '\'';  // would make the closing fence longer
  const auto room = max_bytes == kWhole ? kWhole : max_bytes - kOpen.size() - kClose.size();
  return std::string(kOpen) + escape_markup(tame, room) + std::string(kClose);
}

}  // namespace v1
}  // namespace dunetrace
