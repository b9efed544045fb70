// Scoring against the rules of spec/detectors.md 5 written down a second time, on random runs around every edge.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <string>

#include "detect/scoring.hpp"
#include "random_events.hpp"

namespace dunetrace::detect {
namespace {

using testing::pick;
using testing::Random;

constexpr std::array<std::string_view, 3> kTools{"a", "b", "c"};
constexpr std::array<std::string_view, 12> kHashes{"1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12"};

// Eight calls and more of which about nine in ten are alike, and streaks of about five failures at the end.
::dunetrace::Run near_the_rules(Random& random) {
  ::dunetrace::Run run;
  const auto calls = pick(random, 24), variety = 1 + pick(random, 4), tools = 1 + pick(random, 3);
  const auto streak = pick(random, 8);
  for (std::size_t i = 0; i < calls; ++i) {
    ToolCall call;
    call.tool_name = kTools[pick(random, tools)];
    call.args_hash = pick(random, 10) == 0 ? kHashes[pick(random, kHashes.size())] : kHashes[pick(random, variety)];
    if (const auto outcome = pick(random, 3); outcome != 0) call.success = outcome == 1;
    if (i + streak >= calls) call.success = false;
    run.tool_calls.push_back(call);
  }
  return run;
}

// 5.1, as literally as it can be said.
std::string_view rule_for(const ::dunetrace::Run& run) {
  std::size_t most = 0, same = 0;
  std::string_view top;
  for (const auto& call : run.tool_calls) {  // the first encountered on ties: only more than before replaces it
    const auto calls =
        static_cast<std::size_t>(std::ranges::count(run.tool_calls, call.tool_name, &ToolCall::tool_name));
    if (calls > most) most = calls, top = call.tool_name;
  }
  std::map<std::string_view, std::size_t> hashes;
  for (const auto& call : run.tool_calls) {
    if (call.tool_name == top) same = std::max(same, ++hashes[call.args_hash]);
  }
  if (most >= 8 && 100 * same >= 90 * most) return "extreme loop";
  std::size_t failed = 0;
  while (failed < run.tool_calls.size() && run.tool_calls[run.tool_calls.size() - 1 - failed].success == false)
    ++failed;
  return failed >= 5 ? "failure streak" : "none";
}

// Four decimals by the exact value, even on ties.
double four_decimals(double value) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.4f", value);
  return std::stod(text.data());
}

TEST(ScoringProperty, EqualsTheRules) {
  constexpr std::array<double, 5> kFactors{1.0, 1.0, 1.15, 1.30, 1.40};
  Random random(21);
  std::map<std::string_view, int> seen;
  for (int round = 0; round < 20'000; ++round) {
    const auto run = near_the_rules(random);
    std::vector<Signal> signals(pick(random, 7));
    for (auto& signal : signals) {
      signal.severity = static_cast<Severity>(1 + pick(random, 4));
      signal.confidence = static_cast<double>(pick(random, 100'001)) / 100'000;
      signal.shadow = pick(random, 3) == 0;  // counts like any other
    }
    const auto before = signals;
    score(run, signals);
    const auto rule = rule_for(run);
    ++seen[rule];
    ASSERT_EQ(signals.size(), before.size());
    const auto n = signals.size();
    for (std::size_t i = 0; i < n; ++i) {
      const auto& was = before[i];
      const auto& is = signals[i];
      ASSERT_EQ(is.co_signal_count, n >= 2 ? static_cast<int>(n) : 0);
      ASSERT_EQ(is.shadow, was.shadow);
      if (rule == "extreme loop") {
        ASSERT_EQ(is.severity, Severity::critical);
        ASSERT_EQ(is.confidence, 0.98);
      } else if (rule == "failure streak") {
        ASSERT_EQ(is.severity, was.severity == Severity::critical ? Severity::critical : Severity::high);
        ASSERT_EQ(is.confidence, 0.95);
      } else {
        ASSERT_EQ(is.severity, was.severity);
        ASSERT_EQ(is.confidence, four_decimals(std::min(1.0, was.confidence * kFactors[std::min<std::size_t>(n, 4)])));
      }
    }
  }
  EXPECT_GT(seen["extreme loop"], 1000);
  EXPECT_GT(seen["failure streak"], 1000);
  EXPECT_GT(seen["none"], 1000);
}

// Of the numbers around a tie the exact value decides, not a second rounding.
TEST(ScoringProperty, RoundsTiesByTheExactValue) {
  for (const double confidence : {0.57615, 0.00005, 0.00015, 0.99995, 0.12345, 0.87655}) {
    Signal signal;
    signal.confidence = confidence;
    std::vector<Signal> signals{signal};
    score(::dunetrace::Run{}, signals);
    EXPECT_EQ(signals[0].confidence, four_decimals(confidence)) << confidence;
  }
}

}  // namespace
}  // namespace dunetrace::detect
