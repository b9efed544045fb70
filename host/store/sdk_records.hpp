// What SDKs leave and fetch besides events: deploy markers and policies (spec/wire.md 5, 13). Thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/result.hpp"
#include "store/database.hpp"

namespace dunetrace::store {

struct DeployMarker {
  std::int64_t id = 0;
  double deployed_at = 0;  // Unix seconds, the database's
};

// `meta` is a JSON object that the database takes (json::storable). Code::invalid_argument when it does not.
[[nodiscard]] Result<DeployMarker> add_deploy(Database& db, const std::string& customer_id, const std::string& agent_id,
                                              const std::string& version, const std::string& meta);

struct Policy {
  std::int64_t id = 0;
  std::string agent_id;  // "*" = every agent
  std::string name;
  std::string condition;  // JSON
  std::string action;     // JSON
  std::int32_t priority = 0;
};

// The enabled ones for this agent and for all agents, by priority, then id.
[[nodiscard]] Result<std::vector<Policy>> enabled_policies(Database& db, const std::string& customer_id,
                                                           const std::string& agent_id);

}  // namespace dunetrace::store
