// `dunetrace plugin-runner …`: the process that isolated plugins run in. The host starts it; people do not, so --help
// does not show it.
#pragma once

namespace dunetrace::cli {

constexpr const char* kPluginRunner = "plugin-runner";

// `argv[1]` is kPluginRunner. Gives the exit code.
int plugin_runner(int argc, char** argv);

}  // namespace dunetrace::cli
