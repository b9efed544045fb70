// The detectors of this build with an empty detectors.yml.
#pragma once

#include <memory>

#include "plugin/generation.hpp"
#include "telemetry/log.hpp"

namespace dunetrace::testing {

// Throws when they cannot be loaded. The log outlives them.
[[nodiscard]] std::shared_ptr<const plugin::Generation> default_detectors(telemetry::Logger& log);

}  // namespace dunetrace::testing
