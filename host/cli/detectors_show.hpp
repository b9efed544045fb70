// dunetrace detectors show: what an agent's runs are judged by, and where each value was said.
#pragma once

#include <string>

#include "core/result.hpp"

namespace dunetrace::cli {

struct DetectorsShow {
  std::string file;      // empty = the one the host would read
  std::string agent;     // empty = agents without a section of their own
  std::string detector;  // empty = all
  bool json = false;
};

[[nodiscard]] Result<int> detectors_show(const DetectorsShow& args);

}  // namespace dunetrace::cli
