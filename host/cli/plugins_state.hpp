// dunetrace plugins list|enable: what is loaded, how it behaves, and putting a component back to work. Called by the
// command `plugins`.
#pragma once

#include <string>

#include "core/result.hpp"

namespace dunetrace::cli {

// Every component that the host would load from here, with its state where a database is named and answers.
[[nodiscard]] Result<int> plugins_list(bool json);

// Ends the quarantine of a component, in all processes within moments.
[[nodiscard]] Result<int> plugins_enable(const std::string& component);

}  // namespace dunetrace::cli
