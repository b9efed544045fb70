// What the judgement of claimed runs changes in the database.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "core/result.hpp"
#include "core/signal.hpp"
#include "store/work_queue.hpp"

namespace dunetrace::store {

struct RunResult {
  ClaimedRun run;
  std::string agent_id;
  std::string agent_version;
  std::string exit_reason;  // as replayed; empty = none
  std::vector<Signal> signals;
  std::vector<std::string> unjudged_types;  // of detectors that failed: what they found before stands
  std::string incomplete = "[]";            // JSON: detectors that failed
  bool nothing_to_judge = false;            // its events were removed: what is stored about it stands, word for word
};

// Signals, processed_runs and the run's state in one transaction, then NOTIFY dunetrace_signals. What an earlier look
// found and this one does not is marked as withdrawn. Of a run with nothing to judge nothing changes but that it is due
// no longer; one that was never judged gets its processed_runs row. Results whose claim was lost are left out. Gives
// the places in `results` of those written, ascending.
[[nodiscard]] Result<std::vector<std::size_t>> write_results(Database& db, const std::vector<RunResult>& results);

}  // namespace dunetrace::store
