// Finds everything that is wrong in a file of cases before one of them is played: unknown keys, values of the wrong
// kind, impossible numbers. Pure.
#pragma once

#include <yaml-cpp/yaml.h>

#include <string>

#include "core/result.hpp"

namespace dunetrace::cases {

// All mistakes at once, one line each: "cases.yml:7:24: out: expected a whole number, at least 0, got 'many'".
[[nodiscard]] Result<> check_cases(const YAML::Node& root, const std::string& path);

}  // namespace dunetrace::cases
