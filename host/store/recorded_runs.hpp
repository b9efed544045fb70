// Runs that have been recorded, in the order of their key, page by page; for whoever replays them. Reads only.
#pragma once

#include <string>
#include <vector>

#include "core/result.hpp"
#include "store/database.hpp"

namespace dunetrace::store {

struct RunKey {
  std::string customer_id;
  std::string run_id;
};

struct RecordedRun {
  RunKey key;
  std::string agent_id;
  std::string agent_version;
  double first_received_at = 0;  // Unix seconds
  bool open = false;             // not finished, and no judgement has seen it
  double last_received_at = 0;
  std::int64_t event_count = 0;
};

struct RecordedFilter {
  double received_after = 0;  // Unix seconds; of the last event
  std::string agent;          // empty = all
};

// The next runs behind `after`; fewer than `limit` at the end.
[[nodiscard]] Result<std::vector<RecordedRun>> recorded_runs(Database& db, const RecordedFilter& filter,
                                                             const RunKey& after, int limit);

}  // namespace dunetrace::store
