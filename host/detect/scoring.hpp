// What happens to a run's signals after the detectors (spec/detectors.md 5): hard overrides, then the boost for
// failures that occur together. Pure.
#pragma once

#include <vector>

#include "core/run.hpp"
#include "core/signal.hpp"

namespace dunetrace::detect {

// Changes severity, confidence (rounded to 4 decimals when boosted) and co_signal_count in place.
void score(const Run& run, std::vector<Signal>& signals);

}  // namespace dunetrace::detect
