// What the API and the commands show about plugins. Called by the api role from any of its workers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/result.hpp"
#include "store/database.hpp"
#include "store/plugin_states.hpp"
#include "store/read_scope.hpp"

namespace dunetrace::store {

struct LastStrike {
  double at = 0;
  std::string offence;
  std::string text;
  std::string customer_id;  // whose run; empty outside of one
  std::string run_id;
};

struct PluginRow {
  PluginComponent component;
  std::string reported_by;
  double reported_at = 0;
  std::optional<double> absent_since;
  std::int64_t strikes_10m = 0;    // since it was last enabled
  std::int64_t strikes_total = 0;  // that are kept
  std::optional<LastStrike> last_strike;
  std::optional<PluginQuarantine> quarantine;  // open
  std::int64_t failed_runs_24h = 0;            // of the reader's scope, that the component could not judge
};

struct PluginHost {
  std::string host;
  std::uint64_t generation = 0;
  std::optional<double> reload_at;
  bool reload_ok = true;
  std::string reload_error;
  std::string refusals = "[]";  // JSON, as reported
  std::string notes = "[]";
  bool unlocked = false;
};

struct PluginOverview {
  std::vector<PluginRow> components;  // by kind and id; several files of one component when hosts differ
  std::vector<PluginHost> hosts;      // heard of lately; one whose reload failed first, then the latest reload
};

[[nodiscard]] Result<PluginOverview> plugin_overview(Database& db, const Scope& scope);

// Components that are off and that some host has: what is worth an alert. Cheap.
[[nodiscard]] Result<std::vector<PluginQuarantine>> plugin_notices(Database& db);

}  // namespace dunetrace::store
