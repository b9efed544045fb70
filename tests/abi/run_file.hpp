// A golden run from its JSON file: {"run_id", "baselines": {…}, "events": [wire event, …]}, replayed as the host does.
#pragma once

#include <filesystem>

#include "core/result.hpp"
#include "core/run.hpp"

namespace dunetrace::abi {

[[nodiscard]] Result<Run> run_of(const std::filesystem::path& file);

}  // namespace dunetrace::abi
