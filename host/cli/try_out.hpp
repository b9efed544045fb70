// Whether every detector of a generation can be made with its parameters, found out before it judges anything.
#pragma once

#include "core/result.hpp"
#include "plugin/generation.hpp"
#include "plugin/isolation/call_record.hpp"
#include "plugin/isolation/runner_options.hpp"
#include "telemetry/log.hpp"

namespace dunetrace::cli {

// Only what `before` does not have in force already: a detector that turned out bad later on must not keep operators
// from changing anything else. `runner.log` is set; what is made in this process is written down in `record`, if there
// is one. The error names the section of detectors.yml, the file, the detector and its reason.
[[nodiscard]] Result<> try_out(const plugin::Generation& before, const plugin::Generation& next,
                               const plugin::RunnerOptions& runner, plugin::CallRecord* record = nullptr);

}  // namespace dunetrace::cli
