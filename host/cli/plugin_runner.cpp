#include "cli/plugin_runner.hpp"

#include <cstddef>

#include "plugin/isolation/child.hpp"

namespace dunetrace::cli {

int plugin_runner(int argc, char** argv) { return plugin::run_child({argv + 2, static_cast<std::size_t>(argc - 2)}); }

}  // namespace dunetrace::cli
