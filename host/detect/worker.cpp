#include "detect/worker.hpp"

#include <algorithm>
#include <exception>

#include "json/writer.hpp"
#include "store/baselines.hpp"

namespace dunetrace::detect {
namespace {

constexpr std::chrono::milliseconds kMaxLease{120'000};  // four times what a statement may take

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
  const store::ClaimRules rules{.limit = share_.limit,
                                .lease = share_.lease,
                                .stall_timeout = stall_timeout_.load(),
                                .max_run_events = kMaxLoaded};
  DUNE_TRY(claimed, store::claim_runs(db_, rules));
  metrics_.last_cycle.set(clock_.unix_seconds());
  if (claimed.empty()) return Cycle{};
  renewed_ = started;
  lost_ = false;
  auto events = store::load_events(db_, claimed, kMaxLoaded, clock_.unix_seconds());
  if (events) {
    DUNE_TRY_VOID(judge_together(claimed, std::move(*events)));
  } else if (events.error().code == Code::unavailable) {
    static_cast<void>(store::release_runs(db_, claimed));  // fails when the database is away; the lease ends by itself
    return tl::unexpected<Error>(std::move(events).error());
  } else {
    log_.warn("detect.load_failed", {{"runs", claimed.size()}, {"reason", events.error().text}});
    DUNE_TRY_VOID(judge_one_by_one(claimed));
  }
  share_ = lost_ ? Share{std::max(1, share_.limit / 2), std::min(share_.lease * 2, kMaxLease)}
                 : Share{std::min(options_.batch_size, share_.limit * 2), std::max(options_.lease, share_.lease / 2)};
  metrics_.cycle.observe(std::chrono::duration<double>(clock_.steady() - started).count());
  return Cycle{claimed.size(), store::is_full(claimed, rules)};
}

void Worker::measure_backlog() {
  // While the database is away the last count stands; dunetrace_db_up tells.
  if (const auto pending = store::pending_runs(db_, stall_timeout_.load()))
    metrics_.backlog.set(static_cast<double>(*pending));
}

Result<> Worker::judge_together(const Batch& batch, std::vector<store::LoadedRun> events) {
  std::vector<bool> ours(batch.size(), true);
  std::vector<store::RunResult> results;
  results.reserve(batch.size());
  Chunk chunk;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    DUNE_TRY_VOID(keep(batch, ours));
    if (!ours[i])
      lose(1);
    else if (events[i].events_removed)
      results.push_back(left_alone(batch[i]));
    else
      replay(batch[i], std::move(events[i]), chunk, results);
    if (chunk.runs.size() == kRunsAtOnce) judge(chunk, results);
    if (judge_->interrupted()) return give_back(batch);
  }
  judge(chunk, results);
  if (judge_->interrupted()) return give_back(batch);
  return write(std::move(results));
}

Result<> Worker::give_back(const Batch& batch) {
  log_.info("detect.batch_given_back", {{"runs", batch.size()}, {"reason", "the host is stopping"}});
  return store::release_runs(db_, batch);  // where that fails the lease ends by itself
}

// The events of some run of this batch cannot be read: the others are judged, and that one says what it lacks.
Result<> Worker::judge_one_by_one(const Batch& batch) {
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const Batch rest(batch.begin() + static_cast<std::ptrdiff_t>(i), batch.end());
    std::vector<bool> ours(rest.size(), true);
    DUNE_TRY_VOID(keep(rest, ours));
    if (!ours.front()) {
      lose(1);
      continue;
    }
    auto events = store::load_events(db_, {batch[i]}, kMaxLoaded, clock_.unix_seconds());
    if (!events && events.error().code == Code::unavailable) {
      static_cast<void>(store::release_runs(db_, rest));
      return tl::unexpected<Error>(std::move(events).error());
    }
    if (!events) log_.error("detect.run_unreadable", {{"run", batch[i].run_id}, {"reason", events.error().text}});
    std::vector<store::RunResult> results;
    if (events && events->front().events_removed) {
      results.push_back(left_alone(batch[i]));
    } else if (events) {
      Chunk chunk;
      replay(batch[i], std::move(events->front()), chunk, results);
      judge(chunk, results);
      if (judge_->interrupted()) return give_back(rest);
    } else {
      results.push_back(unjudged(batch[i], "the events of the run could not be read"));
    }
    DUNE_TRY_VOID(write(std::move(results)));
  }
  return {};
}

Result<> Worker::keep(const Batch& batch, std::vector<bool>& ours) {
  const auto now = clock_.steady();
  if (now - renewed_ < share_.lease / 2) return {};
  DUNE_TRY(held, store::extend_claim(db_, batch, share_.lease));
  renewed_ = now;
  ours.assign(batch.size(), false);
  for (const auto i : held) ours[i] = true;
  return {};
}

void Worker::lose(std::size_t runs) {
  metrics_.lost_claims.add(runs);
  lost_ = lost_ || runs > 0;
}

Baselines Worker::baselines(const store::ClaimedRun& claimed) {
  Baselines learned;
  const auto listed = [&](const std::string& pattern) {
    if (!pattern.ends_with('*')) return pattern == claimed.agent_id;
    return claimed.agent_id.starts_with(std::string_view(pattern).substr(0, pattern.size() - 1));
  };
  if (std::ranges::none_of(options_.baseline_agents, listed)) return learned;
  const auto steps =
      store::p75_steps(db_, claimed.customer_id, claimed.agent_id, claimed.agent_version, claimed.run_id);
  if (steps)
    learned.p75_steps = *steps;
  else
    log_.warn("detect.baseline_failed", {{"run", claimed.run_id}, {"reason", steps.error().text}});
  return learned;
}

void Worker::replay(const store::ClaimedRun& claimed, RunEvents events, Chunk& chunk,
                    std::vector<store::RunResult>& results) {
  try {
    chunk.runs.push_back(replayer_.replay(std::move(events), baselines(claimed)));
    chunk.claimed.push_back(&claimed);
  } catch (const std::exception& error) {  // a run that cannot be judged must not block the others
    results.push_back(failed(claimed, error));
  }
}

void Worker::judge(Chunk& chunk, std::vector<store::RunResult>& results) {
  std::vector<Verdict> verdicts;
  try {
    verdicts = judge_->judge(chunk.runs);
  } catch (const std::exception& error) {
    log_.warn("detect.batch_failed", {{"runs", chunk.runs.size()}, {"reason", error.what()}});
  }
  for (std::size_t i = 0; i < chunk.runs.size(); ++i) {
    try {  // one by one where it did not work together
      auto verdict = i < verdicts.size() ? std::move(verdicts[i]) : judge_->judge(chunk.runs[i]);
      results.push_back(judged(*chunk.claimed[i], chunk.runs[i], std::move(verdict)));
    } catch (const std::exception& error) {
      results.push_back(failed(*chunk.claimed[i], error));
    }
  }
  chunk = {};
}

store::RunResult Worker::judged(const store::ClaimedRun& claimed, const Run& run, Verdict verdict) {
  store::RunResult result;
  result.run = claimed;
  result.agent_id = run.events.empty() ? claimed.agent_id : std::string(run.agent_id);
  result.agent_version = run.events.empty() ? claimed.agent_version : std::string(run.agent_version);
  result.exit_reason = run.exit_reason;
  result.signals = std::move(verdict.signals);
  result.incomplete = to_json(verdict.failures);
  for (const auto& failure : verdict.failures) {
    result.unjudged_types.insert(result.unjudged_types.end(), failure.signal_types.begin(), failure.signal_types.end());
    metrics_.failure(failure.detector);
    log_.warn("detector.failed", {{"detector", failure.detector}, {"run", claimed.run_id}, {"reason", failure.reason}});
  }
  return result;
}

store::RunResult Worker::failed(const store::ClaimedRun& claimed, const std::exception& error) const {
  log_.error("detect.run_failed", {{"run", claimed.run_id}, {"reason", error.what()}});
  return unjudged(claimed, "the run could not be replayed");
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

Result<> Worker::write(std::vector<store::RunResult> results) {
  const auto written = store::write_results(db_, results);
  if (written) {
    lose(results.size() - written->size());
    for (const auto i : *written) count(results[i]);
    return {};
  }
  if (written.error().code != Code::internal) return tl::unexpected<Error>(written.error());
  // The database refuses something in this batch: find out which run it is, and keep the others.
  for (auto& result : results) DUNE_TRY_VOID(write_one(std::move(result)));
  return {};
}

Result<> Worker::write_one(store::RunResult result) {
  auto written = store::write_results(db_, {result});
  if (!written && written.error().code == Code::internal) {
    log_.error("detect.result_refused", {{"run", result.run.run_id}, {"reason", written.error().text}});
    result.signals.clear();
    result.incomplete = to_json({{"host", "the database refused the signals of this run", {}}});
    result.unjudged_types = all_types();
    written = store::write_results(db_, {result});
  }
  if (!written) return tl::unexpected<Error>(std::move(written).error());
  if (written->empty())
    lose(1);
  else
    count(result);
  return {};
}

void Worker::count(const store::RunResult& result) {
  if (result.nothing_to_judge) return;
  if (result.run.trigger == "completed") metrics_.completed.add();
  if (result.run.trigger == "errored") metrics_.errored.add();
  if (result.run.trigger == "stalled") metrics_.stalled.add();
  for (const auto& signal : result.signals) metrics_.signal(signal);
}

}  // namespace dunetrace::detect
