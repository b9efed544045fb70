// Parameter values for test instances, and their C form.
#pragma once

#include <dunetrace/plugin.h>

#include <span>
#include <string>
#include <vector>

#include "config/parameters.hpp"
#include "conformance/flat_run.hpp"
#include "conformance/guarded.hpp"
#include "core/result.hpp"

namespace dunetrace::conformance {

using Values = std::vector<config::ParamValue>;

// Defaults; for what has none `params` (name=value) or something of the right type. Unknown names are another
// component's.
[[nodiscard]] Result<Values> usual_values(const config::ComponentSchema& schema, std::span<const std::string> params);

struct Variant {
  std::string name;  // "window at its minimum"
  Values values;
};
// Every parameter at its minimum and at its maximum, the others as usual; flags both ways, every choice; and all at
// their minimum and at their maximum.
[[nodiscard]] std::vector<Variant> extreme_values(const config::ComponentSchema& schema, const Values& usual);

// dune_config in guarded memory.
[[nodiscard]] const dune_config* config_record(const Values& values, std::string_view category, const HostShape& shape,
                                               GuardedMemory& memory);

}  // namespace dunetrace::conformance
