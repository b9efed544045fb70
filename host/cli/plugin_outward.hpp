// What `dunetrace plugin run` does with components that talk to others: one delivery, one action. The library
// runs in a process of its own, with the policy and the secrets of production.
#pragma once

#include "cli/plugin_commands.hpp"
#include "core/result.hpp"
#include "plugin/descriptor.hpp"

namespace dunetrace::cli {

// Judges the run with the installed detectors, explains what they found and hands it to the library's destination.
// Prints the outcome; exit code 1 unless it was delivered.
[[nodiscard]] Result<int> deliver_run(plugin::Library library, const PluginRun& args);

// Does one action of the library's integration and prints its result.
[[nodiscard]] Result<int> invoke_action(plugin::Library library, const PluginRun& args);

}  // namespace dunetrace::cli
