// What is usual for an agent and version, from its last judged runs (spec/detectors.md 4).
#pragma once

#include <optional>
#include <string>

#include "core/result.hpp"
#include "store/database.hpp"

namespace dunetrace::store {

// The 75th percentile of the step counts of the last 50 completed runs of this agent and version other than `run_id`;
// nothing below 20 such runs.
[[nodiscard]] Result<std::optional<double>> p75_steps(Database& db, const std::string& customer_id,
                                                      const std::string& agent_id, const std::string& agent_version,
                                                      const std::string& run_id);

}  // namespace dunetrace::store
