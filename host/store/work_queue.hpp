// The detection queue over `runs`: claim and give back. A run is pending while it has more events than its last
// judgement saw. A claim is a lease: a worker that dies gives its runs back when it ends.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "core/result.hpp"
#include "store/database.hpp"

namespace dunetrace::store {

struct ClaimedRun {
  std::string customer_id;
  std::string run_id;
  std::string claim;     // under which the result is written
  std::string agent_id;  // as the projection has them; the replay's are the ones to store
  std::string agent_version;
  std::string trigger;           // "completed", "errored" (first terminal event received) or "stalled"
  double first_received_at = 0;  // Unix seconds; bounds the partitions that are read
  std::int64_t event_count = 0;  // when it was claimed; what arrives later makes it pending again
};

struct ClaimRules {
  int limit = 100;
  std::chrono::milliseconds lease{10'000};
  std::chrono::milliseconds stall_timeout{90'000};
  std::int64_t max_events = 200'000;     // of one claim, which bounds its memory: some 500 bytes each
  std::int64_t max_run_events = 22'000;  // what a run counts as most, because no more of it is loaded
};

// Finished runs first, oldest arrival first; then stalled ones. Empty when nothing is due.
[[nodiscard]] Result<std::vector<ClaimedRun>> claim_runs(Database& db, const ClaimRules& rules);

// Whether there may be more to claim than these rules allowed.
[[nodiscard]] bool is_full(const std::vector<ClaimedRun>& claimed, const ClaimRules& rules);

// The lease begins anew. Gives the places in `runs` of those whose claim still holds, ascending.
[[nodiscard]] Result<std::vector<std::size_t>> extend_claim(Database& db, const std::vector<ClaimedRun>& runs,
                                                            std::chrono::milliseconds lease);

// Gives claims back at once, for an orderly end.
[[nodiscard]] Result<> release_runs(Database& db, const std::vector<ClaimedRun>& runs);

// Runs with events that no judgement has seen yet and that are due (finished, or stalled); for the backlog gauge.
[[nodiscard]] Result<std::int64_t> pending_runs(Database& db, std::chrono::milliseconds stall_timeout);

// Runs with events that no judgement has seen yet, due or not.
[[nodiscard]] Result<std::int64_t> unjudged_runs(Database& db);

// No event has ever been stored.
[[nodiscard]] Result<bool> no_runs(Database& db);

}  // namespace dunetrace::store
