// The filters of the template language (docs/templates.md), found by name at parse time. Internal to explain/; pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "explain/slot.hpp"

namespace dunetrace::explain {

struct Argument {
  std::string text;
  std::optional<double> number;
};
using Arguments = std::vector<Argument>;

// What is missing stays missing through every filter but `or`; a value of a kind the filter cannot use gets missing.
struct Filter {
  std::string_view name;
  std::size_t min_args = 0;
  std::size_t max_args = 0;
  bool wants_number = false;  // its arguments are whole numbers from 0 to 1000
  void (*apply)(Slot& slot, const Arguments& args) = nullptr;
};

[[nodiscard]] const Filter* find_filter(std::string_view name);
// "count, first, …" for error texts.
[[nodiscard]] std::string filter_names();

}  // namespace dunetrace::explain
