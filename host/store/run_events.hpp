// The events of claimed runs, as replay wants them, in bounded memory.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "core/event.hpp"
#include "core/result.hpp"
#include "store/work_queue.hpp"

namespace dunetrace::store {

struct LoadedRun : RunEvents {
  bool events_removed = false;  // some or all are gone: what is left says nothing about the run
};

struct LoadLimits {
  std::size_t max_events = 0;  // of a run
  // Bytes of payloads, as text: of a run, and of all that is loaded at once. What else a run takes follows from the
  // number of its events.
  std::size_t max_bytes = std::size_t{16} << 20;  // 800 for each event of the longest run that is looked at
};

// What becomes of a run depends on nothing but its stored events:
//   - Of more than `max_events` the first ones in replay order, and instead of all that follow the last terminal event
//     and the last event.
//   - A payload of more than 256 KiB is left out: it is `{}`.
//   - Where the others come to more than `max_bytes`, the largest of them are left out as well: those that take least
//     room in the database are kept, as many as stay within `max_bytes` both there and as text; of equal ones the
//     first.
// A run without some of its payloads says that it is truncated. One that retention took events from says so.

// As many of these runs as fit into `max_bytes` together, from the first on, one entry each. Nothing when the first one
// does not fit by itself: load_shortened() takes it. The database reads little more than what fits.
[[nodiscard]] Result<std::vector<LoadedRun>> load_events(Database& db, std::span<const ClaimedRun> runs,
                                                         const LoadLimits& limits);

// A run that load_events() had no room for. May take seconds.
[[nodiscard]] Result<LoadedRun> load_shortened(Database& db, const ClaimedRun& run, const LoadLimits& limits);

// All of them, whatever they take together.
[[nodiscard]] Result<std::vector<LoadedRun>> load_all(Database& db, std::span<const ClaimedRun> runs,
                                                      const LoadLimits& limits);

}  // namespace dunetrace::store
