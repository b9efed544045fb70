// What is usual for an agent and version (spec/detectors.md 4): what each completed run adds, and the 75th percentiles
// of the newest ones. Pure; one thread at a time.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/run.hpp"

namespace dunetrace {

// What one run adds. Only completed runs without an error add anything.
struct RunSample {
  // So many durations of a run are kept of each kind: a run with more is represented by that many, evenly taken from
  // all of them in ascending order, so that one enormous run neither fills the table nor decides alone.
  static constexpr std::size_t kMostDurations = 1024;

  std::int32_t steps = 0;              // largest step index
  std::vector<std::int64_t> tool_ms;   // ascending
  std::vector<std::int64_t> llm_ms;    // ascending
  std::optional<double> token_growth;  // only where it counts
  std::optional<double> llm_tool_ratio;
  bool operator==(const RunSample&) const = default;
};

// The 75th percentile with linear interpolation between order statistics; `sorted` is ascending and not empty.
template <class T>
[[nodiscard]] double p75_of_sorted(const std::vector<T>& sorted) {
  const double position = 0.75 * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(position);
  const auto low = static_cast<double>(sorted[below]);
  if (below + 1 == sorted.size()) return low;
  return low + (position - static_cast<double>(below)) * (static_cast<double>(sorted[below + 1]) - low);
}

// The newest runs of one agent and version, as far as they are needed. Copies share the samples.
class UsualRuns {
 public:
  static constexpr std::size_t kPopulation = 50;  // runs that are looked at
  static constexpr std::size_t kLeast = 20;       // of them that have to have a value for it to be usual
  static constexpr std::size_t kLoaded = 64;      // a run that is judged again is left out of its own, and some may go

  using Sample = std::shared_ptr<const RunSample>;

  struct Entry {
    std::string run_id;
    Sample sample;
  };

  UsualRuns() = default;
  // `complete`: there are no older runs than these.
  UsualRuns(std::deque<Entry> newest_first, bool complete);

  // A run was judged: it becomes the newest, and what it added before is gone. No sample: it adds nothing (any more).
  void judged(std::string_view run_id, Sample sample);
  // What a judgement of this run is compared with: the newest kPopulation others.
  [[nodiscard]] Baselines baselines(std::string_view run_id) const;
  // Some that would be needed are missing, because too many that were loaded have gone.
  [[nodiscard]] bool short_of_runs() const { return !complete_ && runs_.size() <= kPopulation; }
  // About how many numbers it holds.
  [[nodiscard]] std::size_t size() const;

 private:
  // The population's pooled durations, ascending.
  struct Pool {
    std::vector<std::int64_t> values;
    std::size_t runs = 0;  // with at least one
    void replace(const std::vector<std::int64_t>& gone, const std::vector<std::int64_t>& come);
  };
  void refill();
  [[nodiscard]] Baselines baselines_of(const std::vector<const RunSample*>& population, const Pool& tool,
                                       const Pool& llm) const;

  std::deque<Entry> runs_;  // newest first
  Pool tool_, llm_;         // of the first kPopulation of them
  bool complete_ = true;
};

}  // namespace dunetrace
