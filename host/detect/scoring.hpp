// What happens to a run's signals after the detectors (spec/detectors.md 5): hard overrides, then the boost for
// failures that occur together. Pure.
#pragma once

#include <vector>

#include "core/run.hpp"
#include "core/signal.hpp"

namespace dunetrace::detect {

// Changes severity, confidence (rounded to 4 decimals) and co_signal_count in place. Signals in shadow count like
// others. A severity that an operator set is the detector's own here: an override replaces it as well.
void score(const Run& run, std::vector<Signal>& signals);

}  // namespace dunetrace::detect
