// Runs as the API shows them: the list of an agent and one run with its events and signals. Called by the api role from
// any of its workers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/result.hpp"
#include "store/database.hpp"
#include "store/read_scope.hpp"
#include "store/read_signals.hpp"

namespace dunetrace::store {

// Times are Unix seconds of the client.
struct RunRow {
  std::string run_id;
  std::string agent_id;
  std::string agent_version;
  std::optional<double> started_at;
  std::optional<double> completed_at;
  std::optional<std::string> trigger;  // "completed", "errored", "stalled"; nothing = not judged yet
  std::int32_t step_count = 0;         // the largest step index
  std::int64_t signal_count = 0;       // live signals
  std::optional<std::string> parent_run_id;
  std::optional<std::string> model;
  std::string incomplete = "[]";  // JSON: detectors that failed on this run
};

struct EventRow {
  std::string event_type;
  std::int32_t step_index = 0;
  double timestamp = 0;
  std::string payload;  // JSON
  std::optional<std::string> parent_run_id;
};

struct RunDetail {
  RunRow run;
  std::optional<std::string> exit_reason;  // as replayed (spec/detectors.md 1.6)
  bool truncated = false;                  // only the beginning and the end of the run were judged
  std::int64_t event_count = 0;            // events that came, repeats included
  bool events_truncated = false;           // more events than `max_events`
  bool events_removed = false;             // fewer are stored than came: retention took them
  std::optional<int> retention_days;       // its limit, when they were removed and it is known
  std::vector<EventRow> events;            // in replay order, repeats left out as the replay does
  std::vector<SignalRow> signals;          // by step
};

// Judged runs of one agent, latest judgement first; `has_signals` filters by live signals. Unknown agents as in
// list_signals.
[[nodiscard]] Result<Listing<RunRow>> list_runs(Database& db, const Scope& scope, const std::string& agent_id,
                                                std::optional<bool> has_signals, PageRequest page);

// Code::not_found when no event of the run was ever stored, or none that `scope` may see.
[[nodiscard]] Result<RunDetail> load_run(Database& db, const Scope& scope, const std::string& run_id,
                                         bool include_shadow, std::int64_t max_events);

}  // namespace dunetrace::store
