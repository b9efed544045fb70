// What the judgement of claimed runs changes in the database.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/result.hpp"
#include "core/signal.hpp"
#include "core/usual.hpp"
#include "store/usual.hpp"
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
  bool truncated = false;                   // only the beginning and the end of the run were judged
  std::string config_hash;                  // of all detectors that were asked
  UsualRuns::Sample sample;                 // what the run adds to what is usual; nothing: it adds nothing
  std::optional<Baselines> baselines;       // it was judged with; nothing: its judgement does not depend on any
};

[[nodiscard]] inline VersionKey version_of(const RunResult& result) {
  return {result.run.customer_id, result.agent_id, result.agent_version};
}

// A result whose baselines are not the ones it has to be judged with, because others were judged in between.
struct Outdated {
  std::size_t place;  // in the results
  Baselines baselines;
};

// Judges these again and puts what was found, and the baselines, into the results. False: not now.
using JudgeAgain = std::function<bool(const std::vector<Outdated>&)>;

struct Written {
  std::vector<std::size_t> places;  // of the results that were written, ascending; the claims of the others were lost
  std::vector<Outdated> outdated;   // nothing was written, because of these
  std::string usual_error;          // why nothing is usual for some of them
};

// Signals, issues, samples, processed_runs and the runs' state in one transaction, then NOTIFY dunetrace_signals. The
// results are one agent's judgements in this order, all after what was written before: where others were quicker,
// `again` is asked to judge anew while the agents are locked. What an earlier look found and this one does not is
// marked as withdrawn. Of a run with nothing to judge nothing changes but that it is due no longer; one that was never
// judged gets its processed_runs row.
[[nodiscard]] Result<Written> write_results(Database& db, std::span<RunResult> results, Usual& usual,
                                            const JudgeAgain& again);

}  // namespace dunetrace::store
