// Which runs are not whole any more. Internal to store/: it shows libpqxx.
#pragma once

#include <cstddef>
#include <vector>

#include "store/session.hpp"
#include "store/work_queue.hpp"

namespace dunetrace::store {

// The places of runs of which fewer events are stored than `runs` counted, by whatever they went. `found` has how many
// of each the same snapshot gave; `max_events` of them mean that there may be more.
[[nodiscard]] std::vector<std::size_t> runs_with_removed_events(pqxx::work& tx, const std::vector<ClaimedRun>& runs,
                                                                const std::vector<std::size_t>& found,
                                                                std::size_t max_events);

}  // namespace dunetrace::store
