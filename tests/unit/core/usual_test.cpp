#include "core/usual.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace dunetrace {
namespace {

UsualRuns::Sample sample(std::int32_t steps, std::vector<std::int64_t> tool = {}, std::vector<std::int64_t> llm = {},
                         std::optional<double> growth = {}, std::optional<double> ratio = {}) {
  return std::make_shared<const RunSample>(RunSample{steps, std::move(tool), std::move(llm), growth, ratio});
}

std::string run(int number) { return "r" + std::to_string(number); }

TEST(P75, InterpolatesBetweenNeighbours) {
  EXPECT_DOUBLE_EQ(p75_of_sorted(std::vector<double>{7}), 7);
  EXPECT_DOUBLE_EQ(p75_of_sorted(std::vector<double>{0, 10}), 7.5);
  EXPECT_DOUBLE_EQ(p75_of_sorted(std::vector<std::int64_t>{1, 2, 3, 4}), 3.25);
  EXPECT_DOUBLE_EQ(p75_of_sorted(std::vector<std::int64_t>{1, 2, 3, 4, 5}), 4);
}

TEST(UsualRunsTest, NothingIsUsualBelowTwentyRuns) {
  UsualRuns runs;
  for (int i = 1; i < 20; ++i) runs.judged(run(i), sample(i));
  EXPECT_EQ(runs.baselines("new"), Baselines());
  runs.judged(run(20), sample(20));
  EXPECT_EQ(runs.baselines("new").p75_steps, 15.25);
  EXPECT_EQ(runs.baselines(run(20)), Baselines()) << "a run is not compared with itself";
}

TEST(UsualRunsTest, TheFiftyNewestCountAndAmongThemThoseThatHaveAValue) {
  UsualRuns runs;
  for (int i = 0; i < 19; ++i) runs.judged(run(i), sample(1, {1}, {1}, 1.0, 1.0));
  runs.judged("old", sample(1, {5}, {}, 2.0));
  const auto all = runs.baselines("new");
  EXPECT_EQ(all.p75_tool_latency_ms, 1);
  EXPECT_EQ(all.p75_llm_latency_ms, std::nullopt);
  EXPECT_EQ(all.p75_token_growth, 1);
  EXPECT_EQ(all.p75_llm_tool_ratio, std::nullopt);
  for (int i = 100; i < 150; ++i) runs.judged(run(i), sample(3));
  const auto later = runs.baselines("new");
  EXPECT_EQ(later.p75_steps, 3);
  EXPECT_EQ(later.p75_token_growth, std::nullopt) << "those that had one are not among the 50 newest";
}

TEST(UsualRunsTest, LatenciesArePooledOverAllCallsOfAllRuns) {
  UsualRuns runs;
  for (int i = 0; i < 19; ++i) runs.judged(run(i), sample(1, {10}));
  std::vector<std::int64_t> many(100, 1000);
  runs.judged("many", sample(1, many));
  EXPECT_EQ(runs.baselines("new").p75_tool_latency_ms, 1000);
}

TEST(UsualRunsTest, ARunThatIsJudgedAgainBecomesTheNewestOrGoes) {
  UsualRuns runs;
  for (int i = 0; i < 25; ++i) runs.judged(run(i), sample(i, {i}));
  runs.judged(run(0), sample(100, {100}));
  auto without = [&](auto... steps) {
    std::vector<double> values;
    for (int i = 1; i < 25; ++i) values.push_back(i);
    (values.push_back(steps), ...);
    std::ranges::sort(values);
    return p75_of_sorted(values);
  };
  EXPECT_EQ(runs.baselines("new").p75_steps, without(100.0));
  runs.judged(run(0), nullptr);
  EXPECT_EQ(runs.baselines("new").p75_steps, without());
  EXPECT_EQ(runs.baselines("new").p75_tool_latency_ms, without());
}

TEST(UsualRunsTest, SaysWhenTooManyAreGone) {
  std::deque<UsualRuns::Entry> loaded;
  for (int i = 0; i < 64; ++i) loaded.push_back({run(i), sample(i)});
  UsualRuns all(loaded, true), newest(loaded, false);
  for (int i = 0; i < 13; ++i) {
    all.judged(run(i), nullptr);
    newest.judged(run(i), nullptr);
  }
  EXPECT_FALSE(newest.short_of_runs());
  newest.judged(run(20), nullptr);
  all.judged(run(20), nullptr);
  EXPECT_TRUE(newest.short_of_runs());
  EXPECT_FALSE(all.short_of_runs()) << "there are no others";
}

// The incremental way against sorting everything anew.
TEST(UsualRunsTest, EqualsARecomputationWhateverHappens) {
  std::mt19937 random(7);
  const auto below = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
  UsualRuns runs;
  std::vector<std::pair<std::string, UsualRuns::Sample>> history;  // newest first
  for (int judgement = 0; judgement < 2000; ++judgement) {
    const auto id = run(below(4) == 0 ? below(80) : judgement);
    std::vector<std::int64_t> tool(static_cast<std::size_t>(below(6))), llm(static_cast<std::size_t>(below(2)));
    for (auto& ms : tool) ms = below(20);
    for (auto& ms : llm) ms = below(1000);
    std::ranges::sort(tool);
    const auto made = below(9) == 0
                          ? nullptr
                          : sample(below(30), tool, llm, below(2) ? std::optional(below(9) / 3.0) : std::nullopt,
                                   below(3) ? std::optional(below(9) / 7.0) : std::nullopt);
    std::erase_if(history, [&](const auto& one) { return one.first == id; });
    if (made) history.insert(history.begin(), {id, made});
    if (history.size() > UsualRuns::kLoaded) history.pop_back();
    runs.judged(id, made);
    std::deque<UsualRuns::Entry> fresh;
    const auto asked = below(3) == 0 && !history.empty() ? history[0].first : std::string("new");
    for (const auto& [name, one] : history)
      if (name != asked && fresh.size() < UsualRuns::kPopulation) fresh.push_back({name, one});
    ASSERT_EQ(runs.baselines(asked), UsualRuns(fresh, true).baselines("nobody")) << judgement;
  }
}

}  // namespace
}  // namespace dunetrace
