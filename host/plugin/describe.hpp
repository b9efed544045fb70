// From a plugin's descriptor to host types, with every check that can be made without calling into it.
#pragma once

#include <dunetrace/plugin.h>

#include <string>

#include "core/result.hpp"
#include "plugin/descriptor.hpp"

namespace dunetrace::plugin {

// `descriptor` is what the entry function returned. Errors (Code::invalid_argument) name the field, the value found and
// what was expected; they do not name the file, the caller does. Components of interfaces this host does not know are
// left out.
[[nodiscard]] Result<Library> describe(const dune_plugin* descriptor);

}  // namespace dunetrace::plugin
