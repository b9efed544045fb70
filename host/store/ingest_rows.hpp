// What the ingest writer stores: events by COPY, and the projection `runs` that lists, stall detection and the work
// queue read. Thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "core/batch.hpp"
#include "core/result.hpp"
#include "store/database.hpp"

namespace dunetrace::store {

inline constexpr const char* kRunsChannel = "dunetrace_runs";

// The events [from, to) of a batch, which lives longer.
struct BatchSlice {
  const AcceptedBatch* batch = nullptr;
  std::size_t from = 0;
  std::size_t to = 0;
};

struct WriteOptions {
  std::int64_t writer = 0;  // the same number for every call of one writer, another for every other writer
  // How many events of this writer are settled once these are: rises from group to group and is the same for every
  // attempt at one, so that slices are written only when the writer is not there yet. Without it they always are.
  std::optional<std::int64_t> position = std::nullopt;
};

// All slices in one transaction with the writer's position, in order, and NOTIFY dunetrace_runs when a run among them
// is finished or was judged before. Code::invalid_argument when a value among them is at fault, so that they will never
// be stored as they are; Code::unavailable or timeout when they may be later.
[[nodiscard]] Result<> write_events(Database& db, std::span<const BatchSlice> slices, const WriteOptions& options);

// Removes the positions of writers that are long gone.
[[nodiscard]] Result<> forget_old_writers(Database& db);

// Makes the partitions of `events` for the days to come.
[[nodiscard]] Result<> ensure_event_partitions(Database& db, int days_ahead);

}  // namespace dunetrace::store
