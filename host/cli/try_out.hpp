// Whether every detector of a generation can be made with its parameters, found out before it judges anything.
#pragma once

#include "core/result.hpp"
#include "plugin/generation.hpp"
#include "telemetry/log.hpp"

namespace dunetrace::cli {

// The error names the detector, the section of detectors.yml and the detector's own reason.
[[nodiscard]] Result<> try_out(const plugin::Generation& generation, telemetry::Logger& log);

}  // namespace dunetrace::cli
