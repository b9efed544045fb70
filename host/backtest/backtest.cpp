#include "backtest/backtest.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <mutex>
#include <set>
#include <thread>
#include <unordered_map>

#include "detect/replay.hpp"

namespace dunetrace::backtest {
namespace {

constexpr double kDay = 86'400.0;
constexpr double kLastDay = 4e6;  // the year 12900; what a broken clock says must fit an integer

// What is kept of a run. Its name only where somebody will read it.
struct Outcome {
  double began = 0;
  std::size_t events = 0;
  Opinion opinion;
  RunName name;
};

// A piece of work when it is done, in the order of the runs.
struct Done {
  struct Looked {
    Outcome outcome;
    std::string where;
    std::string key;  // customer and run
    bool other_agent = false;
  };
  std::vector<Looked> runs;
  std::vector<Skipped> skipped;
};

bool changes(const Opinion& opinion) {
  return std::ranges::any_of(opinion.findings,
                             [](const Finding& f) { return (f.now == Mark::quiet) != (f.would == Mark::quiet); });
}

// One thread's tools.
class Looker {
 public:
  Looker(const Side& current, const Side& proposed, const Rows& rows, const std::string& agent, telemetry::Logger& log)
      : panel_(current, proposed, rows, log), agent_(agent) {}

  Done look(Recorded recorded) {
    Done done;
    done.skipped = std::move(recorded.skipped);
    done.runs.reserve(recorded.runs.size());
    for (auto& each : recorded.runs) {
      if (each.events.events.empty()) {
        done.skipped.push_back({std::move(each.where), "has no events"});
        continue;
      }
      done.runs.push_back(look(std::move(each)));
    }
    return done;
  }

 private:
  Done::Looked look(RecordedRun recorded) {
    Done::Looked looked;
    looked.where = std::move(recorded.where);
    looked.outcome.events = recorded.events.events.size();
    const Run run = replayer_.replay(std::move(recorded.events), recorded.baselines);
    looked.outcome.began = run.source.events.front().timestamp;
    looked.outcome.name = {run.source.customer_id, run.source.run_id, std::string(run.agent_id)};
    looked.key = run.source.customer_id + '\n' + run.source.run_id;
    looked.other_agent = !agent_.empty() && run.agent_id != agent_;
    if (!looked.other_agent) looked.outcome.opinion = panel_.ask(run);
    return looked;
  }

  detect::Replayer replayer_;
  Panel panel_;
  const std::string& agent_;
};

// Puts the pieces together in the order of the source.
class Collector {
 public:
  Collector(const Rows& rows, const Options& options, bool may_repeat)
      : rows_(rows), options_(options), may_repeat_(may_repeat) {}

  void add(std::size_t number, Done done) {
    waiting_.emplace(number, std::move(done));
    for (auto first = waiting_.find(next_); first != waiting_.end(); first = waiting_.find(++next_)) {
      take(std::move(first->second));
      waiting_.erase(first);
    }
    if (options_.progress) options_.progress(outcomes_.size());
  }

  Report report() {
    report_.rows.reserve(rows_.all().size());
    for (const auto& row : rows_.all()) {
      auto& made = report_.rows.emplace_back();
      made.detector = row.detector;
      made.failure_type = row.failure_type;
    }
    double newest = -INFINITY;
    for (const auto& outcome : outcomes_) newest = std::max(newest, outcome.began);
    std::set<std::int64_t> days;
    for (auto& outcome : outcomes_) {
      if (options_.last_seconds && outcome.began < newest - *options_.last_seconds) {
        ++report_.older;
        continue;
      }
      ++report_.runs;
      report_.events += outcome.events;
      days.insert(static_cast<std::int64_t>(std::clamp(std::floor(outcome.began / kDay), -kLastDay, kLastDay)));
      count(outcome);
    }
    report_.days = days.size();
    finish();
    return std::move(report_);
  }

 private:
  void take(Done done) {
    for (auto& skipped : done.skipped) skip(std::move(skipped));
    for (auto& looked : done.runs) {
      if (may_repeat_) {
        const auto [first, fresh] = seen_.emplace(std::move(looked.key), looked.where);
        if (!fresh) {
          skip({looked.where, "belongs to the run of " + first->second + "; events of a run have to stand together"});
          continue;
        }
      }
      if (looked.other_agent) {
        ++report_.other_agents;
        continue;
      }
      if (!changes(looked.outcome.opinion)) looked.outcome.name = {};
      outcomes_.push_back(std::move(looked.outcome));
    }
  }

  void skip(Skipped skipped) {
    if (report_.skipped_count++ < kSkippedKept) report_.skipped.push_back(std::move(skipped));
  }

  void count(Outcome& outcome) {
    for (const auto& finding : outcome.opinion.findings) {
      auto& row = report_.rows[finding.row];
      const bool now = finding.now != Mark::quiet;
      const bool would = finding.would != Mark::quiet;
      row.fires_now += now ? 1 : 0;
      row.fires_would += would ? 1 : 0;
      row.alerts_now += finding.now == Mark::live ? 1 : 0;
      row.alerts_would += finding.would == Mark::live ? 1 : 0;
      if (would && !now) row.newly.push_back(outcome.name);
      if (now && !would) row.silenced.push_back(outcome.name);
    }
    for (auto& failure : outcome.opinion.failures) {
      auto& failed =
          failed_.try_emplace(failure.detector, Failed{failure.detector, 0, 0, failure.reason}).first->second;
      failed.now += failure.now ? 1 : 0;
      failed.would += failure.would ? 1 : 0;
    }
  }

  void finish() {
    const auto order = [](const RunName& a, const RunName& b) {
      return std::tie(a.customer_id, a.run_id) < std::tie(b.customer_id, b.run_id);
    };
    for (auto& row : report_.rows) {
      std::ranges::sort(row.newly, order);
      std::ranges::sort(row.silenced, order);
      report_.newly += row.newly.size();
      report_.silenced += row.silenced.size();
    }
    for (auto& [id, failed] : failed_) report_.failed.push_back(std::move(failed));
  }

  const Rows& rows_;
  const Options& options_;
  const bool may_repeat_;
  std::map<std::size_t, Done> waiting_;
  std::size_t next_ = 0;
  std::unordered_map<std::string, std::string> seen_;
  std::vector<Outcome> outcomes_;
  std::map<std::string, Failed> failed_;
  Report report_;
};

// What the threads share: whose turn it is at the source, and what came out.
struct Shared {
  std::mutex source_mutex;
  std::size_t pieces = 0;  // under source_mutex
  bool ended = false;      // under source_mutex
  std::mutex result_mutex;
  std::optional<Error> error;   // under result_mutex; of the first piece that failed
  std::size_t error_piece = 0;  // under result_mutex
};

void work(Source& source, Shared& shared, Looker& looker, Collector& collector) {
  while (true) {
    std::size_t number = 0;
    Result<Load> load;
    {
      const std::lock_guard turn(shared.source_mutex);
      if (shared.ended) return;
      load = source.next();
      number = shared.pieces++;
      if (!load || !*load) shared.ended = true;
    }
    if (load && !*load) return;
    auto recorded = load ? (*load)() : Result<Recorded>(tl::unexpected<Error>(load.error()));
    if (!recorded) {
      {
        const std::lock_guard lock(shared.result_mutex);
        if (!shared.error || number < shared.error_piece) {
          shared.error = std::move(recorded).error();
          shared.error_piece = number;
        }
      }
      const std::lock_guard turn(shared.source_mutex);
      shared.ended = true;
      return;
    }
    auto done = looker.look(std::move(*recorded));
    const std::lock_guard lock(shared.result_mutex);
    collector.add(number, std::move(done));
  }
}

State state_of(const Side& side, const Comparison& row) {
  for (const auto& settings : side.config.profile_for("").detectors) {
    if (settings.id != row.detector) continue;
    if (!settings.enabled) return State::off;
    return settings.is_shadow(row.failure_type) ? State::shadow : State::live;
  }
  return State::absent;
}

}  // namespace

Result<Report> backtest(Source& source, const Side& current, const Side& proposed, const Options& options,
                        telemetry::Logger& log) {
  DUNE_TRY_VOID(check_side(current, log));
  DUNE_TRY_VOID(check_side(proposed, log));
  const Rows rows(current, proposed);
  Collector collector(rows, options, source.may_repeat());
  Shared shared;
  {
    std::vector<std::jthread> threads;
    for (unsigned i = 0; i < std::max(options.threads, 1U); ++i) {
      threads.emplace_back([&] {
        try {
          Looker looker(current, proposed, rows, options.agent, log);
          work(source, shared, looker, collector);
        } catch (const std::exception& error) {
          {
            const std::lock_guard lock(shared.result_mutex);
            if (!shared.error) shared.error = Error{Code::internal, error.what()};
          }
          const std::lock_guard turn(shared.source_mutex);
          shared.ended = true;
        }
      });
    }
  }
  if (shared.error) return tl::unexpected<Error>(std::move(*shared.error));
  auto report = collector.report();
  for (auto& row : report.rows) {
    row.now = state_of(current, row);
    row.would = state_of(proposed, row);
  }
  return report;
}

}  // namespace dunetrace::backtest
