// What flows through a placeholder's filters: nothing, one value, or a list of values. Internal to explain/; lives as
// long as one rendering, because it points into the parsed evidence.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "json/reader.hpp"

namespace dunetrace::explain {

// Characters of one value that are shown; the rest of a monster is cut off.
constexpr std::size_t kMaxValueChars = 300;

// One value: as it stands in the evidence, or as text that a filter made of it.
class Item {
 public:
  explicit Item(json::Value value) : value_(value) {}
  explicit Item(std::string made, std::optional<double> number = {}) : made_(std::move(made)), number_(number) {}

  // Null, empty text, empty list and empty object count as empty, as a value that is not there does.
  [[nodiscard]] bool empty() const;
  [[nodiscard]] std::optional<double> number() const { return made_ ? number_ : value_.number(); }
  [[nodiscard]] const json::Value& value() const { return value_; }
  [[nodiscard]] bool is_made() const { return made_.has_value(); }
  // The value in words, cleaned: numbers as people write them, yes and no, lists with commas.
  [[nodiscard]] std::string text(std::size_t max_chars) const;

 private:
  json::Value value_;
  std::optional<std::string> made_;
  std::optional<double> number_;
};

struct Slot {
  enum class Kind : std::uint8_t { missing, one, list };

  Kind kind = Kind::missing;
  std::vector<Item> items;         // one: exactly one; list: any number
  std::string absent = "unknown";  // shown while missing
  std::size_t max_chars = kMaxValueChars;

  [[nodiscard]] bool missing() const { return kind == Kind::missing; }
  void clear() { kind = Kind::missing, items.clear(); }
  void set(Item item);
  // An array of the evidence as a list; anything else stays.
  void spread();
  [[nodiscard]] std::string text() const;
};

// A JSON value in words. Objects read "key: value, key: value"; deeper nesting is only hinted at.
void append_words(std::string& out, const json::Value& value, std::size_t max_chars, int depth = 0);

// The items with `between` in between; what does not fit into `max_chars` is counted: "a, b … (12 more)".
[[nodiscard]] std::string joined(const std::vector<Item>& items, std::string_view between, std::size_t max_chars);

}  // namespace dunetrace::explain
