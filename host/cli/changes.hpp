// What a reload changed, in words for the log. Pure functions.
#pragma once

#include <string>

#include "plugin/generation.hpp"

namespace dunetrace::cli {

// Whether both judge every run with the same code and the same parameters, and have the same to say about the plugins
// that do not run.
[[nodiscard]] bool same(const plugin::Generation& before, const plugin::Generation& after);

// "tool_x.threshold 3 -> 4 (default); tool_y disabled (default, web); plugin /p/a.so replaced"; at most about a
// thousand characters, the rest is counted. Secret values read ***.
[[nodiscard]] std::string changes(const plugin::Generation& before, const plugin::Generation& after);

}  // namespace dunetrace::cli
