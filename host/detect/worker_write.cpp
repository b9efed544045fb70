// How a worker's results get into the database: all of a portion at once, and what becomes of them when others were
// quicker or the database refuses some.
#include <algorithm>

#include "detect/worker.hpp"

namespace dunetrace::detect {
namespace {

// How long others may have to wait for an agent while runs of it are judged again, and how often that is tried without
// making them wait. Detectors of this process are always quicker; isolated ones need not be.
constexpr std::chrono::milliseconds kUnderLock{25};
constexpr int kTries = 3;

}  // namespace

// All at once. Where others were quicker and judging again takes long, that is done without keeping them waiting; and
// when they are quicker every time, a few runs at a time while they wait.
Result<> Worker::write(Portion& portion) {
  std::span<store::RunResult> left(portion.results);
  for (int tries = 0; !left.empty();) {
    const bool last = tries == kTries;
    const auto fit = static_cast<std::size_t>(kUnderLock / std::max(judging_, std::chrono::nanoseconds(1)));
    const auto some = last ? left.first(std::min(left.size(), std::max<std::size_t>(fit, 1))) : left;
    const auto written = store::write_results(db_, some, usual_, [&](const std::vector<store::Outdated>& outdated) {
      if (!last && outdated.size() > fit) return false;
      judge_again(portion, some, outdated);
      return !judge_->interrupted();
    });
    if (!written && written.error().code != Code::internal) return tl::unexpected<Error>(written.error());
    if (!written) break;
    if (!written->outdated.empty()) {
      if (!judge_->interrupted()) judge_again(portion, some, written->outdated);
      if (judge_->interrupted()) return {};
      ++tries;
      continue;
    }
    wrote(some, *written);
    left = left.subspan(some.size());
  }
  // The database refuses something in this batch: find out which run it is, and keep the others.
  for (; !left.empty(); left = left.subspan(1)) {
    DUNE_TRY_VOID(write_one(portion, left.first(1)));
    if (judge_->interrupted()) return {};
  }
  return {};
}

Result<> Worker::write_one(Portion& portion, std::span<store::RunResult> result) {
  const auto again = [&](const std::vector<store::Outdated>& outdated) {
    judge_again(portion, result, outdated);
    return !judge_->interrupted();
  };
  auto written = store::write_results(db_, result, usual_, again);
  if (!written && written.error().code == Code::internal) {
    auto& refused = result.front();
    log_.error("detect.result_refused", {{"run", refused.run.run_id}, {"reason", written.error().text}});
    const auto claimed = refused.run;
    refused = unjudged(claimed, "the database refused the signals of this run");
    written = store::write_results(db_, result, usual_, again);
  }
  if (!written) return tl::unexpected<Error>(std::move(written).error());
  if (written->outdated.empty()) wrote(result, *written);
  return {};
}

void Worker::wrote(std::span<const store::RunResult> results, const store::Written& written) {
  if (!written.usual_error.empty()) log_.warn("detect.baseline_failed", {{"reason", written.usual_error}});
  lose(results.size() - written.places.size());
  for (const auto place : written.places) count(results[place]);
}

void Worker::count(const store::RunResult& result) {
  if (result.nothing_to_judge) return;
  if (result.run.trigger == "completed") metrics_.completed.add();
  if (result.run.trigger == "errored") metrics_.errored.add();
  if (result.run.trigger == "stalled") metrics_.stalled.add();
  for (const auto& signal : result.signals) metrics_.signal(signal);
}

}  // namespace dunetrace::detect
