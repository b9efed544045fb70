// Arguments of `dunetrace plugin run`, read: parameters, files, and what it prints.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/result.hpp"

namespace dunetrace::cli {

// name=value pairs; the values are YAML on one line. A value is not quoted in an error: it may be a secret.
[[nodiscard]] Result<std::vector<std::pair<std::string, std::string>>> read_params(
    const std::vector<std::string>& params);

// A text file of at most 64 MiB.
[[nodiscard]] Result<std::string> text_of_file(const std::string& path);

void print(const std::string& text);

}  // namespace dunetrace::cli
