#include "backtest/database_source.hpp"

#include <algorithm>

#include "detect/replay.hpp"
#include "store/baselines.hpp"
#include "store/run_events.hpp"
#include "store/work_queue.hpp"

namespace dunetrace::backtest {
namespace {

constexpr int kPageRuns = 200;  // some thousand events: enough to be worth a query, little enough to keep in memory

bool listed(const std::vector<std::string>& patterns, std::string_view agent_id) {
  return std::ranges::any_of(patterns, [&](const std::string& pattern) {
    if (!pattern.ends_with('*')) return pattern == agent_id;
    return agent_id.starts_with(std::string_view(pattern).substr(0, pattern.size() - 1));
  });
}

}  // namespace

Result<Load> DatabaseSource::next() {
  if (ended_) return Load();
  DUNE_TRY(page, store::recorded_runs(db_, {rules_.received_after, rules_.agent}, after_, kPageRuns));
  ended_ = page.size() < kPageRuns;
  if (page.empty()) return Load();
  after_ = page.back().key;
  return Load([this, page = std::move(page)] { return load(page); });
}

Result<Recorded> DatabaseSource::load(const std::vector<store::RecordedRun>& page) const {
  Recorded out;
  std::vector<store::ClaimedRun> wanted;
  for (const auto& run : page) {
    if (run.open) {
      out.skipped.push_back({"run " + run.key.run_id, "is still going on"});
      continue;
    }
    auto& each = wanted.emplace_back();
    each.customer_id = run.key.customer_id;
    each.run_id = run.key.run_id;
    each.agent_id = run.agent_id;
    each.agent_version = run.agent_version;
    each.first_received_at = run.first_received_at;
  }
  DUNE_TRY(events, store::load_events(db_, wanted, detect::kMaxLoaded));
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const auto& run = wanted[i];
    if (events[i].events_removed) {
      out.skipped.push_back({"run " + run.run_id, "has lost events to EVENT_RETENTION_DAYS"});
      continue;
    }
    Baselines baselines;
    if (listed(rules_.baseline_agents, run.agent_id)) {
      DUNE_TRY(steps, store::p75_steps(db_, run.customer_id, run.agent_id, run.agent_version, run.run_id));
      baselines.p75_steps = steps;
    }
    out.runs.push_back({std::move(events[i]), baselines, "run " + run.run_id});
  }
  return out;
}

}  // namespace dunetrace::backtest
