// What a detector was told when it judged, as a short text: equal texts, told the same. The same in every process and
// for whatever order the file has. Pure.
#pragma once

#include <string>

#include "config/detectors_file.hpp"
#include "config/parameters.hpp"

namespace dunetrace::config {

// 16 hex characters over the detector's id, every parameter with its value as resolved, shadow and severity. The time
// limit is not part of it: it decides whether there is a finding, not which.
[[nodiscard]] std::string config_hash(const DetectorSettings& settings, const ComponentSchema& schema);

}  // namespace dunetrace::config
