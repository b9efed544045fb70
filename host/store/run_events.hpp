// The events of claimed runs, as replay wants them.
#pragma once

#include <cstddef>
#include <vector>

#include "core/event.hpp"
#include "core/result.hpp"
#include "store/work_queue.hpp"

namespace dunetrace::store {

struct LoadedRun : RunEvents {
  bool events_removed = false;  // some or all are gone: what is left says nothing about the run
};

// The first `max_events` events of each of these runs in replay order, one entry per run in the order given. A run with
// more ends with its last terminal event and its last event instead of all that follow. A payload of more than 256 KiB
// is `{}` instead, and the run says that it is truncated. A run that retention took
// events from says so.
[[nodiscard]] Result<std::vector<LoadedRun>> load_events(Database& db, const std::vector<ClaimedRun>& runs,
                                                         std::size_t max_events);

}  // namespace dunetrace::store
