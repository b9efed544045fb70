#include "backtest/database_source.hpp"

#include <set>

#include "detect/replay.hpp"
#include "store/run_events.hpp"
#include "store/usual.hpp"
#include "store/work_queue.hpp"

namespace dunetrace::backtest {
namespace {

constexpr int kPageRuns = 200;  // some thousand events: enough to be worth a query, little enough to keep in memory

store::VersionKey version_of(const store::ClaimedRun& run) {
  return {run.customer_id, run.agent_id, run.agent_version};
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
    each.last_received_at = run.last_received_at;
    each.event_count = run.event_count;
  }
  DUNE_TRY(events, store::load_all(db_, wanted, {.max_events = detect::kMaxLoaded}));
  std::set<store::VersionKey> versions;
  for (const auto& run : wanted) versions.insert(version_of(run));
  DUNE_TRY(usual, store::load_usual(db_, {versions.begin(), versions.end()}));
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const auto& run = wanted[i];
    if (events[i].events_removed) {
      out.skipped.push_back({"run " + run.run_id, "has lost events to EVENT_RETENTION_DAYS"});
      continue;
    }
    out.runs.push_back({std::move(events[i]), usual.at(version_of(run)).baselines(run.run_id), "run " + run.run_id});
  }
  return out;
}

}  // namespace dunetrace::backtest
