#include "core/usual.hpp"

#include <algorithm>
#include <iterator>

namespace dunetrace {
namespace {

// As p75_of_sorted, for what is in no order.
double p75(std::vector<double>& values) {
  const double position = 0.75 * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::size_t>(position);
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(below);
  std::nth_element(values.begin(), at, values.end());
  if (below + 1 == values.size()) return *at;
  return *at + (position - static_cast<double>(below)) * (*std::min_element(at + 1, values.end()) - *at);
}

// The 75th percentile of what `value` gives for enough of the population.
template <class Value>
std::optional<double> p75_of(const std::vector<const RunSample*>& population, Value value) {
  std::vector<double> values;
  values.reserve(population.size());
  for (const auto* sample : population) {
    if (const std::optional<double> one = value(*sample)) values.push_back(*one);
  }
  if (values.size() < UsualRuns::kLeast) return std::nullopt;
  return p75(values);
}

}  // namespace

void UsualRuns::Pool::replace(const std::vector<std::int64_t>& gone, const std::vector<std::int64_t>& come) {
  std::vector<std::int64_t> left, all;
  left.reserve(values.size());
  std::ranges::set_difference(values, gone, std::back_inserter(left));  // as often as they occur in `gone`
  all.reserve(left.size() + come.size());
  std::ranges::merge(left, come, std::back_inserter(all));
  values = std::move(all);
  runs = runs - (gone.empty() ? 0 : 1) + (come.empty() ? 0 : 1);
}

UsualRuns::UsualRuns(std::deque<Entry> newest_first, bool complete)
    : runs_(std::move(newest_first)), complete_(complete) {
  refill();
}

void UsualRuns::judged(std::string_view run_id, Sample sample) {
  const auto known = std::ranges::find(runs_, run_id, &Entry::run_id);
  const bool again = known != runs_.end();
  if (again) runs_.erase(known);
  if (sample && !again) {  // the usual way: one comes, the oldest of the population goes
    static const std::vector<std::int64_t> kNothing;
    const auto* leaves = runs_.size() >= kPopulation ? runs_[kPopulation - 1].sample.get() : nullptr;
    tool_.replace(leaves != nullptr ? leaves->tool_ms : kNothing, sample->tool_ms);
    llm_.replace(leaves != nullptr ? leaves->llm_ms : kNothing, sample->llm_ms);
  }
  if (sample) runs_.push_front({std::string(run_id), std::move(sample)});
  if (runs_.size() > kLoaded) {
    runs_.pop_back();
    complete_ = false;
  }
  if (again) refill();
}

void UsualRuns::refill() {
  tool_ = {};
  llm_ = {};
  for (std::size_t i = 0; i < std::min(runs_.size(), kPopulation); ++i) {
    const auto& sample = *runs_[i].sample;
    tool_.values.insert(tool_.values.end(), sample.tool_ms.begin(), sample.tool_ms.end());
    llm_.values.insert(llm_.values.end(), sample.llm_ms.begin(), sample.llm_ms.end());
    tool_.runs += sample.tool_ms.empty() ? 0 : 1;
    llm_.runs += sample.llm_ms.empty() ? 0 : 1;
  }
  std::ranges::sort(tool_.values);
  std::ranges::sort(llm_.values);
}

Baselines UsualRuns::baselines_of(const std::vector<const RunSample*>& population, const Pool& tool,
                                  const Pool& llm) const {
  Baselines usual;
  if (population.size() < kLeast) return usual;
  usual.p75_steps = p75_of(population, [](const RunSample& s) { return std::optional<double>(s.steps); });
  usual.p75_token_growth = p75_of(population, [](const RunSample& s) { return s.token_growth; });
  usual.p75_llm_tool_ratio = p75_of(population, [](const RunSample& s) { return s.llm_tool_ratio; });
  if (tool.runs >= kLeast) usual.p75_tool_latency_ms = p75_of_sorted(tool.values);
  if (llm.runs >= kLeast) usual.p75_llm_latency_ms = p75_of_sorted(llm.values);
  return usual;
}

Baselines UsualRuns::baselines(std::string_view run_id) const {
  if (runs_.size() < kLeast) return {};
  const auto in_population = std::min(runs_.size(), kPopulation);
  const auto end = runs_.begin() + static_cast<std::ptrdiff_t>(in_population);
  std::vector<const RunSample*> population;
  population.reserve(kPopulation);
  if (std::find_if(runs_.begin(), end, [&](const Entry& e) { return e.run_id == run_id; }) == end) {
    std::transform(runs_.begin(), end, std::back_inserter(population), [](const Entry& e) { return e.sample.get(); });
    return baselines_of(population, tool_, llm_);
  }
  UsualRuns others;
  for (const auto& run : runs_) {
    if (run.run_id == run_id || others.runs_.size() == kPopulation) continue;
    others.runs_.push_back(run);
    population.push_back(run.sample.get());
  }
  others.refill();
  return baselines_of(population, others.tool_, others.llm_);
}

std::size_t UsualRuns::size() const {
  constexpr std::size_t kEach = 24;  // a run's name and what does not depend on its length
  return 2 * (tool_.values.size() + llm_.values.size()) + kEach * runs_.size();
}

}  // namespace dunetrace
