// One detection thread's work: claim a batch, load, replay, judge, write. No state shared with other workers.
#pragma once

#include <atomic>

#include "detect/judge.hpp"
#include "detect/replay.hpp"
#include "detect/role.hpp"
#include "store/work.hpp"

namespace dunetrace::detect {

// Counters that exist once per process; see contracts for the names.
struct WorkerMetrics {
  explicit WorkerMetrics(telemetry::Metrics& metrics);
  void signal(const Signal& signal);
  void failure(const std::string& detector);

  telemetry::Metrics& metrics;
  telemetry::Counter& completed;
  telemetry::Counter& errored;
  telemetry::Counter& stalled;
  telemetry::Counter& lost_claims;
  telemetry::Histogram& cycle;
  telemetry::Gauge& last_cycle;
};

class Worker {
 public:
  // `stall_timeout` may change between cycles.
  Worker(const Options& options, const std::atomic<std::chrono::milliseconds>& stall_timeout, store::Database& db,
         const plugin::Registry& registry, const config::DetectorsConfig& config, telemetry::Logger& log,
         WorkerMetrics& metrics, const Clock& clock);

  // One batch; how many runs were claimed. An error means the database was away and nothing was lost.
  [[nodiscard]] Result<std::size_t> cycle();

 private:
  store::RunResult judge(const store::ClaimedRun& claimed, RunEvents events);
  [[nodiscard]] Baselines baselines(const store::ClaimedRun& claimed);
  Result<> write(std::vector<store::RunResult> results);
  Result<> write_one(store::RunResult result);
  void count(const store::RunResult& result);

  const Options& options_;
  const std::atomic<std::chrono::milliseconds>& stall_timeout_;
  store::Database& db_;
  telemetry::Logger& log_;
  WorkerMetrics& metrics_;
  const Clock& clock_;
  std::vector<std::string> all_types_;  // that any detector can emit
  Replayer replayer_;
  Judge judge_;
};

}  // namespace dunetrace::detect
