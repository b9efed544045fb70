// How a worker gets the events of its runs: as many at a time as there is memory for, and what becomes of runs that
// cannot be read.
#include <algorithm>

#include "detect/worker.hpp"

namespace dunetrace::detect {
namespace {

// Loads that took too long, without one that did not, before the database is held to be slow; and how often a run may
// be slow while others are not before it is given up.
constexpr std::size_t kSlowLoads = 3;
constexpr int kPatience = 3;
constexpr std::size_t kMostSlowRuns = 1'000;

}  // namespace

Result<> Worker::judge_batch(const Batch& batch) {
  std::vector<bool> ours(batch.size(), true);
  if (batch.front().is_long()) DUNE_TRY_VOID(keep(batch, ours));  // it has waited for the short ones
  auto most = batch.size();
  for (std::size_t done = 0;;) {
    for (; done < batch.size() && !ours[done]; ++done) lose(1);
    if (done == batch.size()) return {};
    auto events = load(batch, done, most, ours);
    if (!events && events.error().code == Code::unavailable) {
      static_cast<void>(store::release_runs(db_, batch));  // fails when the database is away; the lease ends by itself
      return tl::unexpected<Error>(std::move(events).error());
    }
    if (!events) {
      log_.warn("detect.load_failed", {{"runs", batch.size() - done}, {"reason", events.error().text}});
      return judge_one_by_one(batch, done, events.error(), ours);
    }
    const auto loaded = events->size();
    DUNE_TRY_VOID(judge_together(batch, done, std::move(*events), ours));
    if (judge_->interrupted()) return {};
    done += loaded;
    if (loaded == 0 || done == batch.size()) continue;
    crowded_ = true;
    most = 2 * loaded;  // what does not fit is read in vain
    DUNE_TRY_VOID(hold(batch, ours));
  }
}

Result<std::vector<store::LoadedRun>> Worker::load(const Batch& batch, std::size_t first, std::size_t most,
                                                   std::vector<bool>& ours) {
  std::vector<store::LoadedRun> loaded;
  if (!ours[first]) return loaded;
  const store::LoadLimits limits{.max_events = kMaxLoaded, .max_bytes = options_.load_bytes};
  const auto runs = std::span(batch).subspan(first, std::min(most, batch.size() - first));
  DUNE_TRY(some, store::load_events(db_, runs, limits));
  loaded = std::move(some);
  if (loaded.empty()) {
    DUNE_TRY_VOID(hold(batch, ours));
    if (!ours[first]) return loaded;
    DUNE_TRY(one, store::load_shortened(db_, batch[first], limits));
    loaded.push_back(std::move(one));
  }
  ++loads_;
  return loaded;
}

// The events of some run of this batch cannot be read: the others are judged, and that one says what it lacks.
Result<> Worker::judge_one_by_one(const Batch& batch, std::size_t first, const Error& why, std::vector<bool>& ours) {
  Batch late;  // whose events took too long: the run's fault only where others' did not
  bool loaded = false;
  const bool tried = batch.size() - first == 1 && why.code == Code::timeout;
  for (auto i = first; i < batch.size(); ++i) {
    DUNE_TRY_VOID(why.code == Code::timeout ? hold(batch, ours) : keep(batch, ours));
    auto events = tried ? Result<std::vector<store::LoadedRun>>(tl::unexpected<Error>(why)) : load(batch, i, 1, ours);
    if (!ours[i]) {
      lose(1);
      continue;
    }
    loaded = loaded || events.has_value();
    const auto code = events ? Code::internal : events.error().code;
    if (code == Code::timeout) late.push_back(batch[i]);
    if (code == Code::unavailable || (!loaded && late.size() >= kSlowLoads)) {
      static_cast<void>(store::release_runs(db_, batch));  // those that are still ours
      return tl::unexpected<Error>(std::move(events).error());
    }
    if (code == Code::timeout) continue;
    DUNE_TRY_VOID(judge_one(batch, i, ours, std::move(events)));
    if (judge_->interrupted()) return give_back(batch);
  }
  return give_up_or_back(late, loaded);
}

Result<> Worker::judge_one(const Batch& batch, std::size_t i, std::vector<bool>& ours,
                           Result<std::vector<store::LoadedRun>> events) {
  if (!events) log_.error("detect.run_unreadable", {{"run", batch[i].run_id}, {"reason", events.error().text}});
  Portion portion;
  if (!events)
    portion.results.push_back(unjudged(batch[i], "the events of the run could not be read"));
  else if (events->front().events_removed)
    portion.results.push_back(left_alone(batch[i]));
  else
    replay(batch[i], std::move(events->front()), portion);
  return finish(batch, ours, portion);
}

// Runs whose events took too long. A database that is slow for everybody will not be so for ever; a run that is too
// slow again and again while others are not would hold up a worker for ever.
Result<> Worker::give_up_or_back(const Batch& late, bool others_loaded) {
  if (late.empty()) return {};
  if (slow_runs_.size() > kMostSlowRuns) slow_runs_.clear();
  Batch back;
  Portion given_up;
  for (const auto& run : late) {
    if (!too_slow(run, others_loaded)) {
      back.push_back(run);
      continue;
    }
    log_.error("detect.run_unreadable", {{"run", run.run_id}, {"reason", "loading its events takes too long"}});
    given_up.results.push_back(unjudged(run, "loading the events of the run took too long"));
  }
  if (!back.empty()) DUNE_TRY_VOID(store::release_runs(db_, back));
  if (!given_up.results.empty()) DUNE_TRY_VOID(write(given_up));
  if (others_loaded || back.empty()) return {};
  return fail(Code::timeout, "load events: too slow for every run of the batch");
}

// Whether others are quick may also be known from other batches: a long run is alone in its own.
bool Worker::too_slow(const store::ClaimedRun& run, bool others_loaded) {
  const auto [at, is_new] = slow_runs_.try_emplace(run.customer_id + '\n' + run.run_id, SlowRun{0, loads_});
  auto& slow = at->second;
  if (others_loaded || slow.loads != loads_) ++slow.times;
  slow.loads = loads_;
  if (slow.times < kPatience) return false;
  slow_runs_.erase(at);
  return true;
}

}  // namespace dunetrace::detect
