#include "detect/worker.hpp"

#include <algorithm>
#include <exception>

#include "detect/sample.hpp"
#include "json/writer.hpp"

namespace dunetrace::detect {
namespace {

constexpr std::chrono::milliseconds kMaxLease{120'000};   // four times what a statement may take
constexpr std::chrono::milliseconds kStalledLook{1'000};  // while there is enough to do
constexpr std::size_t kPortionEvents = 50'000;            // replayed at once, which bounds the memory of a worker
// An index has no room for longer ones (2704 bytes); such a run is judged and adds nothing to what is usual.
constexpr std::size_t kMaxNames = 2'000;

telemetry::Counter& outcome(telemetry::Metrics& metrics, const char* name) {
  return metrics.counter("dunetrace_detector_runs_processed_total", "Runs judged, by what made them due",
                         {{"outcome", name}});
}

std::string to_json(const std::vector<Failure>& failures) {
  json::Writer out;
  out.begin_array();
  for (const auto& failure : failures) {
    out.begin_object();
    out.field("detector", failure.detector);
    out.field("reason", failure.reason);
    out.end_object();
  }
  out.end_array();
  return json::storable(out.text()).value_or(out.text());
}

}  // namespace

WorkerMetrics::WorkerMetrics(telemetry::Metrics& m)
    : metrics(m),
      completed(outcome(m, "completed")),
      errored(outcome(m, "errored")),
      stalled(outcome(m, "stalled")),
      judged_again(m.counter("dunetrace_detector_judged_again_total",
                             "Runs judged once more because others of their agent had been judged meanwhile")),
      events_removed(m.counter("dunetrace_detector_runs_removed_events_total",
                               "Due runs that were left alone because retention had removed events of theirs")),
      lost_claims(m.counter("dunetrace_detector_claims_lost_total",
                            "Results dropped because the claim had passed to another worker")),
      failed_cycles(m.counter("dunetrace_detector_cycle_failures_total",
                              "Batches given up for an error; their runs are claimed again")),
      cycle(m.histogram("dunetrace_detector_cycle_duration_seconds", "One batch, from claim to commit",
                        telemetry::latency_buckets())),
      last_cycle(
          m.gauge("dunetrace_detector_last_cycle_timestamp_seconds", "When a batch or an empty look last ended")),
      backlog(m.gauge("dunetrace_detector_backlog_runs", "Runs that are due and not judged yet")) {}

void WorkerMetrics::signal(const Signal& signal) {
  metrics
      .counter("dunetrace_detector_signals_total", "Signals written, repeats of a second look included",
               {{"failure_type", signal.failure_type},
                {"severity", std::string(to_text(signal.severity))},
                {"shadow", signal.shadow ? "true" : "false"}})
      .add();
}

void WorkerMetrics::failure(const std::string& detector) {
  metrics.counter("dunetrace_detector_failures_total", "Runs a detector could not judge", {{"detector", detector}})
      .add();
}

Worker::Worker(const Options& options, const std::atomic<std::chrono::milliseconds>& stall_timeout, store::Database& db,
               const plugin::Live& live, telemetry::Logger& log, WorkerMetrics& metrics, const Clock& clock,
               plugin::Conduct* conduct, plugin::CallRecord* record)
    : options_(options),
      stall_timeout_(stall_timeout),
      db_(db),
      log_(log),
      metrics_(metrics),
      clock_(clock),
      live_(live),
      share_{options.batch_size, options.lease} {
  if (conduct != nullptr) isolation_ = Isolation{options.runner, conduct, &clock, record};
  refresh();
}

void Worker::refresh() {
  auto now = live_.current();
  if (now == generation_) return;
  judge_.reset();  // before what it refers to
  generation_ = std::move(now);
  judge_.emplace(generation_->registry, generation_->config, log_, isolation_);
}

std::vector<std::string> Worker::all_types() const {
  std::vector<std::string> all;
  for (const auto& entry : generation_->registry.components()) {
    const auto& types = entry.component->schema.signal_types;
    all.insert(all.end(), types.begin(), types.end());
  }
  return all;
}

Result<Worker::Cycle> Worker::cycle() {
  refresh();
  const auto started = clock_.steady();
  DUNE_TRY(claimed, claim(started));
  metrics_.last_cycle.set(clock_.unix_seconds());
  if (claimed.empty()) return Cycle{};
  lost_ = crowded_ = false;
  // Long runs come last, and each alone: what they take holds up nobody's results, and one of them is in memory at
  // once.
  const auto longs = std::ranges::find_if(claimed, &store::ClaimedRun::is_long);
  Batch batch(claimed.begin(), longs);
  for (auto next = longs;; ++next) {
    renewed_ = started;
    auto done = batch.empty() ? Result<>() : judge_batch(batch);
    const Batch rest(next, claimed.end());
    if (!done || judge_->interrupted()) {
      if (!rest.empty()) static_cast<void>(store::release_runs(db_, rest));  // or their lease ends by itself
      if (!done) return tl::unexpected<Error>(std::move(done).error());
      break;
    }
    if (rest.empty()) break;
    batch.assign(1, *next);
  }
  adapt_share();
  metrics_.cycle.observe(std::chrono::duration<double>(clock_.steady() - started).count());
  return Cycle{claimed.size(), turns_.more};
}

// Runs that do not fit into memory together are better judged by several workers.
void Worker::adapt_share() {
  share_.limit = lost_ || crowded_ ? std::max(1, share_.limit / 2) : std::min(options_.batch_size, share_.limit * 2);
  share_.lease = lost_ ? std::min(share_.lease * 2, kMaxLease) : std::max(options_.lease, share_.lease / 2);
}

// Runs stall by the minute, so a look a second is enough unless the last one left some; it walks more customers.
Result<Worker::Batch> Worker::claim(std::chrono::steady_clock::time_point now) {
  store::ClaimRules rules{.limit = share_.limit, .lease = share_.lease, .stall_timeout = std::nullopt};
  const auto timeout = stall_timeout_.load();
  if (now >= next_stalled_look_ || timeout != last_stall_timeout_) rules.stall_timeout = timeout;
  DUNE_TRY(claimed, store::claim_runs(db_, rules, turns_));
  if (rules.stall_timeout) {
    last_stall_timeout_ = timeout;
    next_stalled_look_ = turns_.more_stalled ? now : now + kStalledLook;
  }
  return claimed;
}

void Worker::measure_backlog() {
  // While the database is away the last count stands; dunetrace_db_up tells.
  if (const auto pending = store::pending_runs(db_, stall_timeout_.load()))
    metrics_.backlog.set(static_cast<double>(*pending));
}

Result<> Worker::judge_together(const Batch& batch, std::size_t first, std::vector<store::LoadedRun> events,
                                std::vector<bool>& ours) {
  Portion portion;
  for (std::size_t i = 0; i < events.size(); ++i) {
    const auto& run = batch[first + i];
    DUNE_TRY_VOID(keep(batch, ours));
    if (!ours[first + i])
      lose(1);
    else if (events[i].events_removed)
      portion.results.push_back(left_alone(run));
    else
      replay(run, std::move(events[i]), portion);
    if (i + 1 < events.size() && portion.events < kPortionEvents) continue;
    DUNE_TRY_VOID(finish(batch, ours, portion));
    if (judge_->interrupted()) return give_back(batch);
    portion = {};
  }
  return {};
}

Result<> Worker::give_back(const Batch& batch) {
  log_.info("detect.batch_given_back", {{"runs", batch.size()}, {"reason", "the host is stopping"}});
  return store::release_runs(db_, batch);  // where that fails the lease ends by itself
}

Result<> Worker::keep(const Batch& batch, std::vector<bool>& ours) {
  const auto now = clock_.steady();
  if (now - renewed_ < share_.lease / 2) return {};
  return extend(batch, ours, share_.lease, now);
}

Result<> Worker::hold(const Batch& batch, std::vector<bool>& ours) {
  return extend(batch, ours, share_.lease + db_.options().statement_timeout, clock_.steady());
}

Result<> Worker::extend(const Batch& batch, std::vector<bool>& ours, std::chrono::milliseconds lease,
                        std::chrono::steady_clock::time_point now) {
  DUNE_TRY(held, store::extend_claim(db_, batch, lease));
  renewed_ = now;
  ours.assign(batch.size(), false);
  for (const auto i : held) ours[i] = true;
  return {};
}

void Worker::lose(std::size_t runs) {
  metrics_.lost_claims.add(runs);
  lost_ = lost_ || runs > 0;
}

void Worker::replay(const store::ClaimedRun& claimed, RunEvents events, Portion& portion) {
  portion.events += events.events.size();
  std::optional<Run> run;
  store::RunResult result;
  try {
    run = replayer_.replay(std::move(events));
    const auto names = claimed.customer_id.size() + run->agent_id.size() + run->agent_version.size();
    if (auto sample = sample_of(*run); sample && names <= kMaxNames)
      result.sample = std::make_shared<const RunSample>(std::move(*sample));
  } catch (const std::exception& error) {  // a run that cannot be judged must not block the others
    log_.error("detect.run_failed", {{"run", claimed.run_id}, {"reason", error.what()}});
    portion.results.push_back(unjudged(claimed, "the run could not be replayed"));
    return;
  }
  result.run = claimed;
  result.agent_id = run->events.empty() ? claimed.agent_id : std::string(run->agent_id);
  result.agent_version = run->events.empty() ? claimed.agent_version : std::string(run->agent_version);
  result.exit_reason = run->exit_reason;
  result.truncated = run->truncated;
  portion.places.push_back(portion.results.size());
  portion.results.push_back(std::move(result));
  portion.runs.push_back(std::move(*run));
}

Result<> Worker::finish(const Batch& batch, std::vector<bool>& ours, Portion& portion) {
  if (portion.results.empty()) return {};
  DUNE_TRY_VOID(look_up_usual(portion));
  for (std::size_t first = 0; first < portion.runs.size(); first += kRunsAtOnce) {
    DUNE_TRY_VOID(keep(batch, ours));
    judge(portion, first, std::min(kRunsAtOnce, portion.runs.size() - first));
    if (judge_->interrupted()) return {};
  }
  return write(portion);
}

Result<> Worker::look_up_usual(Portion& portion) {
  const auto known = usual_.refresh(db_, portion.results);
  if (!known && known.error().code == Code::unavailable) return tl::unexpected<Error>(known.error());
  if (!known) log_.warn("detect.baseline_failed", {{"reason", known.error().text}});
  const auto usual = usual_.baselines(portion.results);
  for (std::size_t i = 0; i < portion.runs.size(); ++i) {
    portion.runs[i].baselines = usual[portion.places[i]];
    portion.results[portion.places[i]].baselines = usual[portion.places[i]];
  }
  return {};
}

void Worker::judge(Portion& portion, std::size_t first, std::size_t count) {
  const auto began = clock_.steady();
  std::vector<Verdict> verdicts;
  try {
    verdicts = judge_->judge(std::span(portion.runs).subspan(first, count));
  } catch (const std::exception& error) {
    log_.warn("detect.batch_failed", {{"runs", count}, {"reason", error.what()}});
  }
  for (std::size_t i = 0; i < count; ++i) {
    conclude(portion.results[portion.places[first + i]], portion.runs[first + i],
             i < verdicts.size() ? std::optional(std::move(verdicts[i])) : std::nullopt);
  }
  judging_ = (clock_.steady() - began) / static_cast<int>(count);
}

void Worker::judge_again(Portion& portion, std::span<store::RunResult> results,
                         const std::vector<store::Outdated>& outdated) {
  const auto skipped = static_cast<std::size_t>(results.data() - portion.results.data());
  Portion some;  // judged side by side, as the first time
  std::vector<std::size_t> from;
  for (const auto& one : outdated) {
    const auto place = std::ranges::lower_bound(portion.places, skipped + one.place);
    const auto run = static_cast<std::size_t>(place - portion.places.begin());
    some.places.push_back(some.results.size());
    some.results.push_back(std::move(results[one.place]));
    some.results.back().baselines = one.baselines;
    some.runs.push_back(std::move(portion.runs[run]));
    some.runs.back().baselines = one.baselines;
    from.push_back(run);
  }
  for (std::size_t first = 0; first < some.runs.size(); first += kRunsAtOnce)
    judge(some, first, std::min(kRunsAtOnce, some.runs.size() - first));
  for (std::size_t i = 0; i < outdated.size(); ++i) {
    results[outdated[i].place] = std::move(some.results[i]);
    portion.runs[from[i]] = std::move(some.runs[i]);
  }
  metrics_.judged_again.add(outdated.size());
}

void Worker::conclude(store::RunResult& result, const Run& run, std::optional<Verdict> verdict) {
  const auto& id = result.run.run_id;
  try {  // one by one where it did not work together
    if (!verdict) verdict = judge_->judge(run);
  } catch (const std::exception& error) {
    log_.error("detect.run_failed", {{"run", id}, {"reason", error.what()}});
    result.signals.clear();
    result.incomplete = to_json({{"host", "the run could not be judged", {}}});
    result.unjudged_types = all_types();
    return;
  }
  result.signals = std::move(verdict->signals);
  result.incomplete = to_json(verdict->failures);
  result.config_hash = std::move(verdict->config_hash);
  result.unjudged_types.clear();
  for (const auto& failure : verdict->failures) {
    result.unjudged_types.insert(result.unjudged_types.end(), failure.signal_types.begin(), failure.signal_types.end());
    metrics_.failure(failure.detector);
    log_.warn("detector.failed", {{"detector", failure.detector}, {"run", id}, {"reason", failure.reason}});
  }
}

store::RunResult Worker::unjudged(const store::ClaimedRun& claimed, const char* reason) const {
  store::RunResult result;
  result.run = claimed;
  result.agent_id = claimed.agent_id;
  result.agent_version = claimed.agent_version;
  result.incomplete = to_json({{"host", reason, {}}});
  result.unjudged_types = all_types();
  return result;
}

// What is left of its events would give another verdict, and take back what all of them gave.
store::RunResult Worker::left_alone(const store::ClaimedRun& claimed) {
  log_.info("detect.events_removed",
            {{"run", claimed.run_id}, {"reason", "retention removed events of this run, so it is not judged (again)"}});
  metrics_.events_removed.add();
  auto result = unjudged(claimed, "events of this run were removed before it was judged");
  result.nothing_to_judge = true;
  return result;
}

}  // namespace dunetrace::detect
