// Which runs are not whole any more. Internal to store/: it shows libpqxx.
#pragma once

#include <cstddef>
#include <vector>

#include "store/session.hpp"
#include "store/work_queue.hpp"

namespace dunetrace::store {

// Whether runs_with_removed_events() will have to ask about this run: its claim does not say how many events it has, or
// it is old enough for retention to have been there while others arrive. Its answer then needs events and their number
// from one snapshot.
[[nodiscard]] bool wants_count(const ClaimedRun& run, double now);

// The places of runs of which fewer events are stored than writers counted, however they went. `found` has how many of
// each were found; `max_events` of them mean that there may be more. `now` in Unix seconds.
[[nodiscard]] std::vector<std::size_t> runs_with_removed_events(pqxx::work& tx, const std::vector<ClaimedRun>& runs,
                                                                const std::vector<std::size_t>& found,
                                                                std::size_t max_events, double now);

}  // namespace dunetrace::store
