// Runners between batches and at the end of the host: none stays that nobody needs, and none is waited for.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <thread>

#include "plugin/isolation/channel.hpp"
#include "plugin/isolation/sandbox.hpp"
#include "some_runs.hpp"
#include "testing/wait.hpp"

namespace dunetrace::testing {
namespace {

constexpr std::size_t kEvil = 5;

std::string worst(const std::string& deed, int timeout_ms) {
  return "default:\n  worst: {deed: " + deed + ", timeout_ms: " + std::to_string(timeout_ms) + "}\n";
}

// The one child that this thread has.
pid_t child() {
  pid_t pid = -1;
  std::ifstream("/proc/self/task/" + std::to_string(::gettid()) + "/children") >> pid;
  return pid;
}

long cpu_ms(pid_t pid) {
  clockid_t clock{};
  timespec used{};
  if (::clock_getcpuclockid(pid, &clock) != 0 || ::clock_gettime(clock, &used) != 0) return 0;
  return used.tv_sec * 1000 + used.tv_nsec / 1'000'000;
}

TEST(IdleRunners, EndWhenAllThatTheyServeIsOff) {
  if (plugin::kSanitized) GTEST_SKIP() << "sanitizers handle such signals themselves";
  Stage stage({.shipped = plugin::Mode::in_process, .hostile = {"hostile"}, .config = worst("abort", 50)});
  const auto runs = some_runs(kEvil);
  for (int time = 1; time <= 2; ++time) static_cast<void>(stage.judge(runs));
  ASSERT_TRUE(stage.conduct().off("worst", "hostile"));
  stage.sweep();
  EXPECT_FALSE(has_children());
}

TEST(IdleRunners, StayWhileTheyMayBeAsked) {
  Stage stage({.shipped = plugin::Mode::in_process, .hostile = {"hostile"}});
  static_cast<void>(stage.judge(some_runs(kEvil)));
  const auto before = child();
  stage.sweep();
  EXPECT_GT(before, 0);
  EXPECT_EQ(child(), before);
}

TEST(IdleRunners, AreReapedWhenTheyEndAndReplacedWhenAsked) {
  Stage stage({.shipped = plugin::Mode::in_process, .hostile = {"hostile"}});
  static_cast<void>(stage.judge(some_runs(kEvil)));
  const auto pid = child();
  ASSERT_GT(pid, 0);
  ::kill(pid, SIGKILL);
  siginfo_t ended{};
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(pid), &ended, WEXITED | WNOWAIT), 0);
  stage.sweep();
  EXPECT_FALSE(has_children());
  EXPECT_EQ(failure_of(stage.judge(some_runs(kEvil)).front(), "worst"), "");
}

TEST(Descriptors, OfWhichTheLastAreNotForRunners) {
  TestLog log;
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit small{600, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &small), 0);
  std::vector<Fd> taken;
  while (taken.size() < 400) taken.emplace_back(::dup(1));
  const auto refused = plugin::describe_outside(hostile_plugin("hostile"), runner_options(log.logger()));
  taken.clear();
  const auto described = plugin::describe_outside(hostile_plugin("hostile"), runner_options(log.logger()));
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::unavailable);
  EXPECT_NE(refused.error().text.find("of 600 descriptors are in use"), std::string::npos) << refused.error().text;
  EXPECT_TRUE(described) << "there is room again";
}

TEST(StoppingHost, EndsARunnerAtOnceAndBlamesNobody) {
  std::stop_source host;
  Stage stage({.shipped = plugin::Mode::in_process,
               .hostile = {"hostile"},
               .config = worst("loop_for_ever", 20'000),
               .stop = host.get_token()});
  const auto runs = some_runs(kEvil);
  static_cast<void>(stage.judge({runs.front()}));
  EXPECT_FALSE(stage.interrupted());
  const auto pid = child();
  const auto loops_from = cpu_ms(pid) + 50;  // far more than the other questions take
  const auto begin = std::chrono::steady_clock::now();
  const std::jthread stopper([&] {
    EXPECT_TRUE(wait_until([&] { return cpu_ms(pid) > loops_from; }));
    host.request_stop();
  });
  static_cast<void>(stage.judge(runs));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10)) << "40 s are allowed for one question";
  EXPECT_TRUE(stage.interrupted());
  EXPECT_FALSE(has_children());
  // Two on one run are enough, so this one is the first.
  EXPECT_FALSE(stage.conduct().strike({.component = "worst",
                                       .library = "test.worst",
                                       .version = "6.6.6",
                                       .sha256 = "hostile",
                                       .offence = plugin::Offence::deadline,
                                       .customer_id = runs[kEvil].source.customer_id,
                                       .run_id = runs[kEvil].source.run_id,
                                       .text = "of this test"}));
}

}  // namespace
}  // namespace dunetrace::testing
