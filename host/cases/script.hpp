// The shorthand of cases (docs/writing-a-plugin.md): one YAML entry per thing an agent does, turned into the events a
// client sends for it.
#pragma once

#include <yaml-cpp/yaml.h>

#include <string>
#include <vector>

#include "cases/case_file.hpp"

namespace dunetrace::cases {

enum class Numbering : std::uint8_t {
  sdk,    // a call advances the step counter, its answer has the same index
  manual  // every event advances it
};

// The script has passed check_cases().
[[nodiscard]] std::vector<EventSpec> play(const YAML::Node& script, Numbering numbering);

}  // namespace dunetrace::cases
