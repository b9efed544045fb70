// Helpers for error texts: the name that was probably meant, lists, several problems in one text. Pure functions.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"

namespace dunetrace::config {

// Edits (insert, delete, replace, swap of neighbours) that turn one text into the other.
[[nodiscard]] std::size_t edit_distance(std::string_view a, std::string_view b);

// The candidate that is at most a third of the length of `name` (at least one edit) away; empty when none is.
[[nodiscard]] std::string_view nearest(std::string_view name, std::span<const std::string> candidates);

// " (did you mean 'threshold'?)", or nothing when no candidate is near.
[[nodiscard]] std::string did_you_mean(std::string_view name, std::span<const std::string> candidates);

// "a, b, c".
[[nodiscard]] std::string joined(std::span<const std::string> names);

// Text of a stranger for an error message: cut at 64 bytes, control characters as '?'.
[[nodiscard]] std::string shown(std::string_view text);

// Collects problems so that an operator sees them all at once, one line each, at most kMost of them.
class Problems {
 public:
  static constexpr std::size_t kMost = 20;  // more are a broken file, not a list to work off

  void add(std::string line) {
    if (lines_.size() <= kMost) lines_.push_back(std::move(line));
  }
  [[nodiscard]] bool empty() const { return lines_.empty(); }
  [[nodiscard]] tl::unexpected<Error> as_error() const;

 private:
  std::vector<std::string> lines_;
};

}  // namespace dunetrace::config
