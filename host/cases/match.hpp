// Compares what was found with what a case expects; every difference is one line of text.
#pragma once

#include <string>
#include <vector>

#include "cases/case_file.hpp"
#include "core/signal.hpp"
#include "json/reader.hpp"

namespace dunetrace::cases {

// `expected` against `found`. Unless `exact`, the object may have more members than expected; inside of it everything
// must be equal.
void compare_json(const json::Value& expected, const json::Value& found, const std::string& where, bool exact,
                  std::vector<std::string>& differences);

// Both ways: a signal that nobody expected is a difference too.
[[nodiscard]] std::vector<std::string> differences(const std::vector<Expectation>& expected,
                                                   const std::vector<Signal>& found);

}  // namespace dunetrace::cases
