// The parameters of one destination or integration, as an operator wrote them, against the component's own table: the
// rules of detectors.yml for everything that is no detector. Pure function.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/parameters.hpp"
#include "core/result.hpp"

namespace dunetrace::config {

struct ComponentValues {
  std::vector<ParamValue> values;     // in schema order, complete; secrets are still references
  std::vector<std::string> warnings;  // deprecated parameters
};

// `yaml` is a mapping of parameter names to values. Errors list everything that is wrong, one line each, beginning with
// `name`; a secret's value is not repeated.
[[nodiscard]] Result<ComponentValues> component_values(const ComponentSchema& schema, std::string_view yaml,
                                                       std::string_view name);

}  // namespace dunetrace::config
