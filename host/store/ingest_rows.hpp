// What the ingest writer stores: events by COPY, and the projection `runs` that lists, stall detection and the work
// queue read. Thread-safe.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

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
  std::uint64_t position = 0;  // of the batch's first event in its spool
  [[nodiscard]] std::uint64_t begin() const { return position + from; }
  [[nodiscard]] std::uint64_t end() const { return position + to; }
};

struct SpoolRef {
  std::string_view id;
  bool durable = true;  // the position of one that is not is forgotten after a while
  // No attempt of its own got beyond.
  std::uint64_t furthest = ~std::uint64_t{0};
};

// All slices in one transaction, in order, with the position of their spool, and NOTIFY dunetrace_runs when a run among
// them is finished or was judged before. Returns the position up to which the spool is stored now: the end of the
// slices. Beyond the begin of the slices and not their end it says that an earlier attempt got that far after all;
// nothing was written then, and what lies behind it is to be given again.
// Code::invalid_argument when a value among them is at fault, so that they will never be stored as they are;
// Code::unavailable or timeout when they may be later; Code::conflict when the position is beyond `furthest`, so that
// somebody else writes under this id.
[[nodiscard]] Result<std::uint64_t> write_events(Database& db, const SpoolRef& spool,
                                                 std::span<const BatchSlice> slices);

// Forgets the positions of spools in memory that nobody has written from for a week.
[[nodiscard]] Result<> forget_memory_spools(Database& db);

}  // namespace dunetrace::store
