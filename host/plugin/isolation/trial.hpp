// Whether detectors of an isolated library can be created with their parameters, found out in a runner that ends
// afterwards: before a reload puts them in force. Any thread.
#pragma once

#include <span>

#include "core/result.hpp"
#include "plugin/detector.hpp"
#include "plugin/isolation/runner_options.hpp"

namespace dunetrace::plugin {

struct TrialSeat {
  const Component* component = nullptr;  // of the library
  DetectorOptions options;
};

// Errors: the detector's own text, or how its runner ended; they name the component. Nobody is struck for it.
[[nodiscard]] Result<> try_outside(const Library& library, std::span<const TrialSeat> seats,
                                   const RunnerOptions& options);

}  // namespace dunetrace::plugin
