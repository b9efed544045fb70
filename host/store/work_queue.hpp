// The detection queue over `runs`: claim and give back. A run is pending while it has more events than its last
// judgement saw. A claim is a lease: a worker that dies gives its runs back when it ends. Customers take turns.
#pragma once

#include <array>
#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "core/result.hpp"
#include "store/claim_sql.hpp"
#include "store/database.hpp"

namespace dunetrace::store {

struct ClaimedRun {
  std::string customer_id;
  std::string run_id;
  std::string claim;     // under which the result is written
  std::string agent_id;  // as the projection has them; the replay's are the ones to store
  std::string agent_version;
  std::string trigger;           // "completed", "errored" (first terminal event received) or "stalled"
  double first_received_at = 0;  // Unix seconds; with the next bounds the partitions that are read
  double last_received_at = 0;   // 0 = not known
  std::int64_t event_count = 0;  // when it was claimed; what arrives later makes it pending again. 0 = not known

  [[nodiscard]] bool is_long() const { return event_count > kLongRun; }
};

struct ClaimRules {
  int limit = 100;
  std::chrono::milliseconds lease{3'000};
  std::optional<std::chrono::milliseconds> stall_timeout{90'000};  // nothing = stalled runs are not looked for
  std::int64_t max_events = 20'000;  // of the short runs of one claim: some hundred milliseconds, ten MB
};

// Where the turns of a worker's next claim begin, so that everybody's turn comes; and what is left. One per worker.
struct ClaimTurns {
  std::array<std::string, kQueues> after;
  bool more = false;          // the last claim may have left runs that are due
  bool more_stalled = false;  // some of them stalled
};

// Short finished runs, and with them short stalled runs: what is left of the limits, but a quarter of each in any case,
// so that neither kind can keep the other waiting. Then at most one long run of either kind. Among customers in turn,
// of one customer the oldest first. Costs the same however many runs wait. Empty when nothing is due.
[[nodiscard]] Result<std::vector<ClaimedRun>> claim_runs(Database& db, const ClaimRules& rules, ClaimTurns& turns);
[[nodiscard]] Result<std::vector<ClaimedRun>> claim_runs(Database& db, const ClaimRules& rules);

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
