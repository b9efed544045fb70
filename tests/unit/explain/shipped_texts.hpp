// The texts of the 15 detectors as the host sees them, read from the headers the plugins are built with.
#pragma once

#include <vector>

#include "plugin/descriptor.hpp"

namespace dunetrace::explain::testing {

std::vector<plugin::Template> shipped_templates();

// All of them in one component.
inline plugin::Component shipped_component() {
  plugin::Component component;
  component.templates = shipped_templates();
  return component;
}

}  // namespace dunetrace::explain::testing
