#include "detect/sample.hpp"

#include <algorithm>

namespace dunetrace::detect {
namespace {

constexpr std::size_t kLeastTokenCalls = 3;
constexpr std::int64_t kLeastFirstTokens = 10;
constexpr std::int64_t kLeastLastTokens = 2000;
constexpr std::size_t kLeastLlmCalls = 5;

std::size_t count(const Run& run, EventKind kind) {
  return static_cast<std::size_t>(std::ranges::count(run.events, kind, &Event::kind));
}

// Ascending; of very many, as many as are kept, from the least to the largest at equal distances.
std::vector<std::int64_t> durations(const Run& run, EventKind kind) {
  std::vector<std::int64_t> all;
  for (const auto& step : run.steps) {
    if (step.kind == kind) all.push_back(step.duration_ms);
  }
  std::ranges::sort(all);
  constexpr auto kMost = RunSample::kMostDurations;
  if (all.size() <= kMost) return all;
  std::vector<std::int64_t> some(kMost);
  for (std::size_t i = 0; i < kMost; ++i) some[i] = all[i * (all.size() - 1) / (kMost - 1)];
  return some;
}

std::optional<double> token_growth(const Run& run) {
  std::vector<std::int64_t> tokens;
  for (const auto& call : run.llm_calls) {
    if (call.prompt_tokens.value_or(0) > 0) tokens.push_back(*call.prompt_tokens);
  }
  if (tokens.size() < kLeastTokenCalls || tokens.front() < kLeastFirstTokens || tokens.back() < kLeastLastTokens)
    return std::nullopt;
  return static_cast<double>(tokens.back()) / static_cast<double>(tokens.front());
}

std::optional<double> llm_tool_ratio(const Run& run) {
  const auto llm = count(run, EventKind::llm_called);
  if (llm < kLeastLlmCalls) return std::nullopt;
  const auto tool = std::max<std::size_t>(count(run, EventKind::tool_called), 1);
  return static_cast<double>(llm) / static_cast<double>(tool);
}

}  // namespace

std::optional<RunSample> sample_of(const Run& run) {
  if (count(run, EventKind::run_completed) == 0 || count(run, EventKind::run_errored) > 0) return std::nullopt;
  return RunSample{run.current_step, durations(run, EventKind::tool_called), durations(run, EventKind::llm_called),
                   token_growth(run), llm_tool_ratio(run)};
}

}  // namespace dunetrace::detect
