// A described library as bytes, from the runner that described it to the host, which trusts none of it.
#pragma once

#include "core/result.hpp"
#include "plugin/descriptor.hpp"
#include "plugin/isolation/packing.hpp"

namespace dunetrace::plugin {

// `validates[i]`: component i has a rule over its parameters.
struct Described {
  Library library;
  std::vector<bool> validates;
};

void pack(Packer& to, const Library& library);

// Checked by the rules of describe(), as if the library were mapped here. Components have no vtable.
// Errors: Code::invalid_argument.
[[nodiscard]] Result<Described> unpack_library(Unpacker& from);

}  // namespace dunetrace::plugin
