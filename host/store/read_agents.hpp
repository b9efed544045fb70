// Agents with their figures, as the API's overview shows them. Called by the api role from any of its workers.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>

#include "core/result.hpp"
#include "store/database.hpp"
#include "store/read_scope.hpp"

namespace dunetrace::store {

struct AgentRow {
  std::string agent_id;
  double last_seen = 0;  // arrival of the latest event, Unix seconds
  std::int64_t run_count = 0;
  std::int64_t signal_count = 0;  // live signals, as all below
  std::int64_t critical_count = 0;
  std::int64_t high_count = 0;
  std::array<std::int64_t, 7> sparkline{};            // per UTC day, today last
  std::map<std::string, std::int64_t> failure_types;  // count per type that occurred
};

// Agents that sent at least one event, latest first. `now` (Unix seconds) decides which day is today.
[[nodiscard]] Result<Listing<AgentRow>> list_agents(Database& db, const Scope& scope, PageRequest page, double now);

}  // namespace dunetrace::store
