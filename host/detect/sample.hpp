// What one run adds to what is usual for its agent and version (spec/detectors.md 4). Pure.
#pragma once

#include <optional>

#include "core/run.hpp"
#include "core/usual.hpp"

namespace dunetrace::detect {

// Nothing for a run that does not count: it has no run.completed or has a run.errored. Durations and tokens are those
// that detectors see.
[[nodiscard]] std::optional<RunSample> sample_of(const Run& run);

}  // namespace dunetrace::detect
