// Legal JSON that simdjson or PostgreSQL refuses, made digestible without moving a byte. Internal to json/.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace dunetrace::json {

// A copy of the same length in which number tokens outside of a double and of 64 bits read `null` (padded with
// blanks) and unpaired surrogate escapes read \ufffd. Nothing when there is nothing to repair.
[[nodiscard]] std::optional<std::string> repaired_for_parsing(std::string_view json);

}  // namespace dunetrace::json
