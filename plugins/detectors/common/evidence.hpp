// Keeps evidence within what the host takes, whatever a client sends: lists that name every call of a run are written
// in full until their text gets large, then cut, with the number left out beside them.
#pragma once
#include <dunetrace/signal.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

namespace detectors {

// A name of this size is hostile, not a name; six times of it (every byte escaped) still fits beside the lists.
constexpr std::size_t kTextBytes = 8 * 1024;
// Two lists per detector at most, so that evidence stays below half of the host's limit of 1 MiB. A run of 20 000
// calls, the most a host replays, needs 380 kB for hashes of 16 characters: its list is cut near the 13 000th.
constexpr std::size_t kListBytes = 256 * 1024;

// The beginning of `text`, cut between two characters.
inline std::string_view clip(std::string_view text) {
  if (text.size() <= kTextBytes) return text;
  std::size_t end = kTextBytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0u) == 0x80u) --end;
  return text.substr(0, end);
}
inline std::optional<std::string_view> clip(std::optional<std::string_view> text) {
  return text ? std::optional(clip(*text)) : text;
}

// An upper estimate of what a value takes as JSON; numbers are small anyway.
inline std::size_t json_bytes(std::string_view text) {
  std::size_t bytes = 3;  // quotes and comma
  for (const char c : text) bytes += static_cast<unsigned char>(c) < 0x20 ? 6 : c == '"' || c == '\\' ? 2 : 1;
  return bytes;
}
inline std::size_t json_bytes(const std::optional<std::string_view>& text) { return text ? json_bytes(*text) : 5; }
inline std::size_t json_bytes(std::int64_t) { return 12; }

// No members: nothing at all, or an object without any.
inline bool is_empty_object(std::string_view json) {
  return json.find_first_not_of("{} \t\r\n") == std::string_view::npos;
}

class ListBudget {
 public:
  // False once the list is full; from then on every further element counts as left out.
  bool take(std::size_t bytes) {
    if (omitted_ == 0 && bytes <= left_) {
      left_ -= bytes;
      return true;
    }
    ++omitted_;
    return false;
  }
  std::int64_t omitted() const { return omitted_; }

 private:
  std::size_t left_ = kListBytes;
  std::int64_t omitted_ = 0;
};

inline void note_omitted(dunetrace::Signal& signal, std::string_view key, const ListBudget& budget) {
  if (budget.omitted() > 0) signal.with(std::string(key) + "_omitted", budget.omitted());
}

// "key": [project(e) for every e of `elements`]; project gives a text, an optional text or a whole number.
template <class Range, class Project>
void with_list(dunetrace::Signal& signal, std::string_view key, const Range& elements, Project project) {
  ListBudget budget;
  signal.with_array(key, [&](dunetrace::JsonWriter& json) {
    for (const auto& element : elements) {
      const auto value = project(element);
      if constexpr (std::is_integral_v<std::remove_cv_t<decltype(value)>>) {
        if (budget.take(json_bytes(std::int64_t{value}))) json.value(value);
      } else {
        const auto text = clip(value);
        if (budget.take(json_bytes(text))) json.value(text);
      }
    }
  });
  note_omitted(signal, key, budget);
}

}  // namespace detectors
