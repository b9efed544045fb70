#include "retention/drop.hpp"

#include <algorithm>
#include <condition_variable>
#include <mutex>

namespace dunetrace::retention {
namespace {

using std::chrono::steady_clock;

constexpr std::chrono::milliseconds kFirstPause{200};  // in which whoever waited behind us goes on
constexpr std::chrono::milliseconds kLongestPause{5'000};

void pause(const std::stop_token& stop, std::chrono::milliseconds time) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stop, time, [] { return false; });
}

Result<store::Dropped> drop(store::Database& db, const store::EventPartition& partition, const DropOptions& options) {
  const auto until = steady_clock::now() + options.patience;
  for (auto rest = kFirstPause;; rest = std::min(rest * 2, kLongestPause)) {
    DUNE_TRY(outcome, store::drop_event_partition(db, partition.name, options.days));
    if (outcome != store::Dropped::busy || options.stop.stop_requested()) return outcome;
    if (steady_clock::now() + rest > until) return outcome;
    pause(options.stop, rest);
  }
}

}  // namespace

Result<> drop_due(store::Database& db, const std::vector<store::EventPartition>& partitions, const DropOptions& options,
                  const Report& report) {
  for (const auto& partition : partitions) {
    if (options.stop.stop_requested()) return {};
    if (partition.state != store::EventPartition::State::due) continue;
    DUNE_TRY(outcome, drop(db, partition, options));
    report(partition, outcome);
  }
  return {};
}

}  // namespace dunetrace::retention
