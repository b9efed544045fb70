#include <gtest/gtest.h>

#include "some_runs.hpp"

namespace dunetrace::testing {
namespace {

TEST(Isolation, GivesWhatTheSameDetectorsGiveInProcess) {
  Stage here({.all_in_process = true});
  Stage outside({});
  const auto runs = some_runs();
  const auto expected = here.judge(runs);
  const auto found = outside.judge(runs);
  std::size_t signals = 0;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    EXPECT_EQ(summary(found[i]), summary(expected[i])) << runs[i].source.run_id;
    signals += found[i].signals.size();
    EXPECT_TRUE(found[i].failures.empty());
  }
  EXPECT_GT(signals, runs.size()) << "these runs have something to find";
}

TEST(Isolation, KeepsTheOrderOfTheProfileWhereverADetectorRuns) {
  const std::vector runs{some_run("r", 100)};
  const auto here = Stage({.hostile = {"hostile"}, .all_in_process = true}).judge(runs);
  const auto mixed = Stage({.shipped = plugin::Mode::in_process, .hostile = {"hostile"}}).judge(runs);
  ASSERT_GT(here.front().signals.size(), 2U);
  EXPECT_EQ(summary(mixed.front()), summary(here.front()));
}

TEST(Isolation, JudgesManyRunsAndLargeOnes) {
  Stage here({.all_in_process = true});
  Stage outside({});
  std::vector<dunetrace::Run> runs;
  for (int i = 0; i < 70; ++i) runs.push_back(some_run("r" + std::to_string(i), i % 10 == 0 ? 18'000 : 50));
  runs.push_back(dunetrace::Run{});  // no events at all
  const auto expected = here.judge(runs);
  const auto found = outside.judge(runs);
  for (std::size_t i = 0; i < runs.size(); ++i) EXPECT_EQ(summary(found[i]), summary(expected[i])) << i;
}

TEST(Isolation, GivesBackWhatALargeBatchTook) {
  Stage outside({});
  const auto small = some_run("r");
  static_cast<void>(outside.judge({small}));
  const auto before = resident_bytes();
  std::vector<dunetrace::Run> large;
  for (int i = 0; i < 8; ++i) large.push_back(some_run("large" + std::to_string(i), 9'000));
  static_cast<void>(outside.judge(large));
  const auto held = resident_bytes();
  constexpr std::size_t kMuch = std::size_t{6} << 20;  // less than the region took for it
  large.clear();
  std::size_t now = held;
  for (int i = 0; i < 10 && now + kMuch > held; ++i) {
    EXPECT_TRUE(outside.judge({small}).front().failures.empty());
    now = resident_bytes();
  }
  EXPECT_LT(now + kMuch, held) << "before: " << before;
}

TEST(Isolation, LeavesNothingBehind) {
  const auto before = open_descriptors();
  for (int i = 0; i < 3; ++i) {
    Stage outside({.hostile = {"hostile"}});
    EXPECT_TRUE(outside.judge(some_runs()).front().failures.empty());
  }
  EXPECT_EQ(open_descriptors(), before);
  EXPECT_FALSE(has_children());
}

TEST(Isolation, WithoutRunnersIsolatedDetectorsSayWhy) {
  TestLog log;
  auto library = plugin::describe_outside(hostile_plugin("hostile"), runner_options(log.logger())).value();
  std::vector<plugin::Library> libraries;
  libraries.push_back(std::move(library));
  const auto registry = plugin::Registry::of(std::move(libraries)).value();
  const auto config = config::DetectorsFile::parse("", "detectors.yml").value().resolve(registry.schemas(), {}).value();
  const auto verdict = detect::Judge(registry, config, log.logger()).judge(some_run("r"));
  EXPECT_NE(failure_of(verdict, "worst").find("isolated"), std::string::npos);
}

TEST(Isolation, SaysSoWhenARunnerCannotBeStarted) {
  TestLog log;
  auto options = runner_options(log.logger());
  options.executable = "/bin/true";
  const auto refused = plugin::describe_outside(hostile_plugin("hostile"), options);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::unavailable);
  EXPECT_FALSE(has_children());
}

}  // namespace
}  // namespace dunetrace::testing
