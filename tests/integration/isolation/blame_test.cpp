// Who is struck when a runner ends, and who is not.
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <fstream>

#include "plugin/isolation/crew.hpp"
#include "plugin/isolation/sandbox.hpp"
#include "some_runs.hpp"
#include "testing/wait.hpp"

namespace dunetrace::testing {
namespace {

using namespace std::chrono_literals;

void kill_runners() {
  const auto pids = runner_pids();
  ASSERT_FALSE(pids.empty());
  for (const int pid : pids) ::kill(pid, SIGKILL);
  // Dead, though nobody has taken note of it yet.
  ASSERT_TRUE(wait_until([] { return runner_pids().empty(); }));
}

TEST(Blame, NobodyOfASharedRunnerIsStruckForAKillFromOutside) {
  Stage stage({});
  const auto runs = some_runs();
  const auto first = stage.judge(runs);
  for (int time = 1; time <= 4; ++time) {
    kill_runners();
    const auto found = stage.judge(runs);
    for (std::size_t i = 0; i < runs.size(); ++i) EXPECT_EQ(summary(found[i]), summary(first[i])) << time;
  }
  for (const auto& entry : stage.registry().components())
    EXPECT_FALSE(stage.conduct().off(entry.component->schema.id, entry.library->sha256));
  EXPECT_TRUE(stage.log().contains("plugin.runner_ended"));
}

TEST(Blame, NobodyOfASharedRunnerIsStruckForAKillInACallEither) {
  Stage stage({.hostile = {"hostile"}, .config = "default:\n  worst: {deed: kill_self}\n", .hostile_is_ours = true});
  const auto runs = some_runs(5);
  for (int time = 1; time <= 4; ++time)
    EXPECT_EQ(failure_of(stage.judge(runs)[5], "worst"), "crashed (SIGKILL) in detect()") << "it costs its own answer";
  EXPECT_FALSE(stage.conduct().off("worst", "hostile"));
}

TEST(Blame, ALibraryAloneIsNotStruckForAKillBetweenCallsEither) {
  Stage stage({.shipped = plugin::Mode::in_process, .hostile = {"hostile"}});
  const auto runs = some_runs();
  static_cast<void>(stage.judge(runs));
  for (int time = 1; time <= 4; ++time) {
    kill_runners();
    EXPECT_EQ(failure_of(stage.judge(runs).front(), "worst"), "");
  }
  EXPECT_FALSE(stage.conduct().off("worst", "hostile")) << "the machine was short of memory, or somebody killed it";
}

TEST(Blame, ALibraryThatGrowsWithoutBeingAskedIsStruck) {
  if (plugin::kSanitized) GTEST_SKIP() << "sanitizers hold more memory than that";
  // No thread gets through the sandbox.
  Stage stage({.shipped = plugin::Mode::in_process, .hostile = {"growing"}, .sandbox = false});
  const auto go = "/tmp/dunetrace-grow-" + std::to_string(::getpid());
  EXPECT_EQ(failure_of(stage.judge(some_runs()).front(), "worst"), "");
  std::ofstream{go};
  const std::vector<dunetrace::Run> nothing(1);
  EXPECT_TRUE(wait_until([&] {
    static_cast<void>(stage.judge(nothing));
    return stage.log().contains("plugin.runner_too_large");
  }));
  std::filesystem::remove(go);
  EXPECT_TRUE(runner_pids().empty());
}

TEST(Blame, MemoryThatALibrarySharesWithNobodyCountsLikeItsOwn) {
  if (plugin::kSanitized) GTEST_SKIP() << "sanitizers hold more memory than that";
  Stage stage({.shipped = plugin::Mode::in_process,
               .hostile = {"sharing"},
               .config = "default:\n  worst: {timeout_ms: 5000}\n"});
  const auto runs = some_runs();
  EXPECT_EQ(failure_of(stage.judge(runs).front(), "worst"), "") << "its answers stand";
  EXPECT_TRUE(stage.log().contains("plugin.runner_too_large")) << stage.log().text();
  EXPECT_TRUE(runner_pids().empty()) << "what it took is back";
  for (int time = 2; time <= 3; ++time) static_cast<void>(stage.judge(runs));
  EXPECT_TRUE(stage.conduct().off("worst", "sharing")) << stage.log().text();
}

TEST(Blame, ABatchHasTimeForEachOfItsQuestions) {
  EXPECT_GE(plugin::batch_limit(32 * 1'000ms), 32 * 1'000ms);
  EXPECT_GE(plugin::batch_limit(60'000ms), 120'000ms) << "one slow question";
  EXPECT_GE(plugin::batch_limit(1ms), 1'000ms) << "a busy machine";
}

}  // namespace
}  // namespace dunetrace::testing
