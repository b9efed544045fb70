// Drops the partitions of events that are due. For the keeper of a host and for `dunetrace retention run`; several may
// be at it at once.
#pragma once

#include <chrono>
#include <functional>
#include <stop_token>

#include "core/result.hpp"
#include "store/retention.hpp"

namespace dunetrace::retention {

struct DropOptions {
  int days = 30;                          // at least 1
  std::chrono::milliseconds patience{0};  // for a partition in use: tried again so long, each time for a moment
  std::stop_token stop{};
};

// What became of a partition: dropped by us; gone: somebody else was faster; busy: still in use.
using Report = std::function<void(const store::EventPartition& partition, store::Dropped outcome)>;

// Drops each partition of `partitions` whose state is due, the oldest first, and reports it. Ends early when asked to.
[[nodiscard]] Result<> drop_due(store::Database& db, const std::vector<store::EventPartition>& partitions,
                                const DropOptions& options, const Report& report);

}  // namespace dunetrace::retention
