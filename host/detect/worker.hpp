// One detection thread's work: claim a batch, load, replay, judge, write. No state shared with other workers.
#pragma once

#include <atomic>
#include <chrono>
#include <exception>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "detect/judge.hpp"
#include "detect/replay.hpp"
#include "detect/role.hpp"
#include "plugin/generation.hpp"
#include "store/run_events.hpp"
#include "store/run_results.hpp"
#include "store/usual.hpp"
#include "store/work_queue.hpp"

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
  telemetry::Counter& judged_again;
  telemetry::Counter& events_removed;
  telemetry::Counter& lost_claims;
  telemetry::Counter& failed_cycles;
  telemetry::Histogram& cycle;
  telemetry::Gauge& last_cycle;
  telemetry::Gauge& backlog;
};

class Worker {
 public:
  // `stall_timeout` may change between cycles. Without `conduct` no detector is ever off and none can be isolated.
  Worker(const Options& options, const std::atomic<std::chrono::milliseconds>& stall_timeout, store::Database& db,
         const plugin::Live& live, telemetry::Logger& log, WorkerMetrics& metrics, const Clock& clock,
         plugin::Conduct* conduct = nullptr, plugin::CallRecord* record = nullptr);

  struct Cycle {
    std::size_t claimed = 0;
    bool more = false;  // others may find something to do as well
  };
  // One batch. An error means the database was away and nothing was lost.
  [[nodiscard]] Result<Cycle> cycle();

  // While there is nothing to do: lets go of runners that nobody needs. Asks no database.
  void sweep() { judge_->sweep(); }

  // Counts the runs that wait, for the gauge. Asks the database.
  void measure_backlog();

 private:
  // What one claim may take: less of it, for longer, after a claim was lost because its batch took too long; less of it
  // after a batch that did not fit into memory at once.
  struct Share {
    int limit;
    std::chrono::milliseconds lease;
  };
  using Batch = std::vector<store::ClaimedRun>;

  // Takes over what is in force now; between batches, so that one batch is judged by one generation.
  void refresh();
  [[nodiscard]] std::vector<std::string> all_types() const;  // that any detector can emit
  // The host is stopping and a plugin was not heard to the end: others judge these runs, or the next start does.
  Result<> give_back(const Batch& batch);
  Result<Batch> claim(std::chrono::steady_clock::time_point now);
  void adapt_share();
  // Loads, judges and writes as many as fit into memory, then the next ones.
  Result<> judge_batch(const Batch& batch);
  // As many runs of the batch as there is room for, from `first` on and `most` of them; none when the claim of the
  // first one was lost.
  Result<std::vector<store::LoadedRun>> load(const Batch& batch, std::size_t first, std::size_t most,
                                             std::vector<bool>& ours);
  Result<> judge_together(const Batch& batch, std::size_t first, std::vector<store::LoadedRun> events,
                          std::vector<bool>& ours);
  // Those from `first` on, whose events could not be read together.
  Result<> judge_one_by_one(const Batch& batch, std::size_t first, const Error& why, std::vector<bool>& ours);
  Result<> judge_one(const Batch& batch, std::size_t i, std::vector<bool>& ours,
                     Result<std::vector<store::LoadedRun>> events);
  Result<> give_up_or_back(const Batch& late, bool others_loaded);
  [[nodiscard]] bool too_slow(const store::ClaimedRun& run, bool others_loaded);
  // Runs that are judged and written together, in the order of the queue.
  struct Portion {
    std::vector<store::RunResult> results{};
    std::vector<Run> runs{};            // those that could be replayed
    std::vector<std::size_t> places{};  // of runs[i] in `results`
    std::size_t events = 0;
  };
  void replay(const store::ClaimedRun& claimed, RunEvents events, Portion& portion);
  // Judges and writes what was replayed. Nothing is written when the host is stopping (interrupted()).
  Result<> finish(const Batch& batch, std::vector<bool>& ours, Portion& portion);
  Result<> look_up_usual(Portion& portion);
  void judge(Portion& portion, std::size_t first, std::size_t count);
  // Those in `outdated`, which counts from `results` on, with the baselines that hold now.
  void judge_again(Portion& portion, std::span<store::RunResult> results, const std::vector<store::Outdated>& outdated);
  // The verdict of a run goes into its result; nothing when it could not be judged with the others.
  void conclude(store::RunResult& result, const Run& run, std::optional<Verdict> verdict);
  store::RunResult left_alone(const store::ClaimedRun& claimed);
  store::RunResult unjudged(const store::ClaimedRun& claimed, const char* reason) const;
  // Extends the claims when half of the lease has passed; `ours` then says which of the runs still are.
  Result<> keep(const Batch& batch, std::vector<bool>& ours);
  // The same at once, and for as long as a statement may take: before what may outlast the lease. The next keep() takes
  // it back.
  Result<> hold(const Batch& batch, std::vector<bool>& ours);
  Result<> extend(const Batch& batch, std::vector<bool>& ours, std::chrono::milliseconds lease,
                  std::chrono::steady_clock::time_point now);
  void lose(std::size_t runs);
  Result<> write(Portion& portion);
  Result<> write_one(Portion& portion, std::span<store::RunResult> result);
  void wrote(std::span<const store::RunResult> results, const store::Written& written);
  void count(const store::RunResult& result);

  const Options& options_;
  const std::atomic<std::chrono::milliseconds>& stall_timeout_;
  store::Database& db_;
  telemetry::Logger& log_;
  WorkerMetrics& metrics_;
  const Clock& clock_;
  Replayer replayer_;
  const plugin::Live& live_;
  std::shared_ptr<const plugin::Generation> generation_;  // that judge_ works with
  std::optional<Isolation> isolation_;
  std::optional<Judge> judge_;
  store::Usual usual_;
  std::chrono::nanoseconds judging_{0};  // what a run took lately
  Share share_;
  // Runs whose events took too long: how often while others' did not, and how many loads there had been the last time.
  struct SlowRun {
    int times = 0;
    std::uint64_t loads = 0;
  };
  std::map<std::string, SlowRun> slow_runs_;
  std::uint64_t loads_ = 0;  // that did not take too long
  store::ClaimTurns turns_;
  std::chrono::steady_clock::time_point next_stalled_look_;  // the first one is due
  std::chrono::milliseconds last_stall_timeout_{-1};
  std::chrono::steady_clock::time_point renewed_;  // when the claims were made or last extended
  bool lost_ = false;                              // something of what was claimed last
  bool crowded_ = false;                           // it did not fit into memory at once
};

}  // namespace dunetrace::detect
