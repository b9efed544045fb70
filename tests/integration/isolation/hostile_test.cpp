// What the worst plugins can do to a host that runs them in their own process: nothing but fail.
#include <gtest/gtest.h>

#include "plugin/isolation/sandbox.hpp"
#include "some_runs.hpp"

namespace dunetrace::testing {
namespace {

constexpr std::size_t kEvil = 5;

std::string with_deed(const std::string& deed, int timeout_ms = 50) {
  return "default:\n  worst: {deed: " + deed + ", timeout_ms: " + std::to_string(timeout_ms) + "}\n";
}

bool finds_worst(const detect::Verdict& verdict) {
  return std::ranges::any_of(verdict.signals, [](const Signal& one) { return one.failure_type == "WORST"; });
}

// What the others find, next to the worst plugin where it gives an answer and without it where it does not: a signal
// counts those beside it.
class Expected {
 public:
  explicit Expected(const std::vector<dunetrace::Run>& runs)
      : beside_(Stage({.hostile = {"hostile"}, .all_in_process = true}).judge(runs)),
        alone_(Stage({.all_in_process = true}).judge(runs)) {}
  void compare(const std::vector<detect::Verdict>& found) const {
    for (std::size_t i = 0; i < found.size(); ++i) {
      const auto& expected = finds_worst(found[i]) ? beside_[i] : alone_[i];
      EXPECT_EQ(summary(found[i], "WORST"), summary(expected, "WORST")) << "run " << i;
    }
  }

 private:
  std::vector<detect::Verdict> beside_, alone_;
};

struct Deed {
  const char* name;
  const char* failure;  // of the run it was done to; contains this
  bool offence = true;  // or only a failure
  int timeout_ms = 50;
};

void PrintTo(const Deed& deed, std::ostream* out) { *out << deed.name; }

constexpr int kTimeForMillion = plugin::kSanitized ? 14'000 : 5'000;  // ms; twice that is within a batch's time

class Hostile : public ::testing::TestWithParam<Deed> {};

TEST_P(Hostile, IsNamedStruckAndThenOffWhileTheOthersGoOn) {
  const auto deed = GetParam();
  const std::string_view text = deed.failure;
  for (const auto* const part : {"called", "SIGSEGV", "SIGSYS"})
    if (plugin::kSanitized && text.find(part) != text.npos)
      GTEST_SKIP() << "sanitizers handle such signals themselves and do not go with the filter";
  const auto runs = some_runs(kEvil);
  const Expected expected(runs);
  const auto descriptors = open_descriptors();
  {
    Stage stage({.hostile = {"hostile"}, .config = with_deed(deed.name, deed.timeout_ms)});
    for (int time = 1; time <= 3; ++time) {
      const auto found = stage.judge(runs);
      expected.compare(found);
      const auto failure = failure_of(found[kEvil], "worst");
      const auto off = stage.conduct().off("worst", "hostile");
      if (time <= 2 || !deed.offence) {
        EXPECT_NE(failure.find(deed.failure), std::string::npos) << "time " << time << ": " << failure;
      } else {
        EXPECT_TRUE(failure.starts_with("quarantined since ")) << failure;
      }
      EXPECT_EQ(off.has_value(), deed.offence && time >= 2) << off.value_or("on");
      if (time > 1) continue;
      for (std::size_t i = 0; i < runs.size(); ++i) {
        if (i == kEvil) continue;
        EXPECT_EQ(failure_of(found[i], "worst"), "") << "its answers about other runs stand";
        EXPECT_TRUE(finds_worst(found[i]));
      }
    }
  }
  EXPECT_EQ(open_descriptors(), descriptors);
  EXPECT_FALSE(has_children());
}

INSTANTIATE_TEST_SUITE_P(
    Deeds, Hostile,
    ::testing::Values(
        Deed{"null_pointer", "crashed (SIGSEGV) in detect()"}, Deed{"loop", "failed with status -6", false},
        Deed{"loop_for_ever", "ran for more than 100 ms in detect()"}, Deed{"share", "called mmap"},
        Deed{"write_view", "crashed (SIGSEGV) in detect()"}, Deed{"unprotect_view", "crashed (SIGSEGV) in detect()"},
        Deed{"throw", "threw an exception: no"}, Deed{"exit", "ended its process with status 0 in detect()"},
        Deed{"quick_exit", "ended its process with status 0 in detect()"},
        Deed{"abort", "crashed (SIGABRT) in detect()"}, Deed{"fork", "called clone"}, Deed{"socket", "called socket"},
        Deed{"open", "called open"}, Deed{"exec", "called execve"}, Deed{"kill_parent", "called kill"},
        Deed{"close_all", "called close"}, Deed{"million_signals", "more than 8 signals", true, kTimeForMillion},
        Deed{"bad_evidence", "no JSON object"}, Deed{"sleep", "ran for more than 100 ms in detect()"},
        Deed{"stop", "ran for more than 100 ms in detect()"}, Deed{"stack", "crashed (SIGSEGV) in detect()"},
        Deed{"flood", "more messages than any plugin may"}, Deed{"chatter", "ran for more than 100 ms in detect()"},
        Deed{"long_line", "a message that makes no sense"}, Deed{"kill_self", "crashed (SIGKILL) in detect()"},
        Deed{"thread", "(SIGSYS)"}, Deed{"fail", "\xEF\xBF\xBD", false}),
    [](const auto& tested) { return std::string(tested.param.name); });

TEST(HostileOnce, InvalidTextIsRepaired) {
  const auto runs = some_runs(kEvil);
  Stage stage({.hostile = {"hostile"}, .config = with_deed("bad_utf8")});
  const auto found = stage.judge(runs);
  ASSERT_TRUE(finds_worst(found[kEvil]));
  EXPECT_NE(summary(found[kEvil]).find("\xEF\xBF\xBD"), std::string::npos);
}

TEST(HostileOnce, WhatItTookOfMemoryGoesWithItsRunner) {
  if (plugin::kSanitized) GTEST_SKIP() << "sanitizers do not go with a limit of address space";
  const auto runs = some_runs(kEvil);
  const auto before = resident_bytes();
  Stage stage({.hostile = {"hostile"}, .config = with_deed("allocate")});
  for (int time = 1; time <= 3; ++time) static_cast<void>(stage.judge(runs));
  EXPECT_TRUE(stage.conduct().off("worst", "hostile")) << stage.log().text();
  EXPECT_LT(resident_bytes(), before + (std::size_t{64} << 20));
}

class HostileChannel : public ::testing::TestWithParam<const char*> {};

// It shows when the host reads, so the run that is charged may be a later one.
TEST_P(HostileChannel, WhateverItWritesToTheHostIsAnOffence) {
  if (plugin::kSanitized) GTEST_SKIP() << "it writes over what sanitizers keep";
  const auto runs = some_runs(kEvil);
  const Expected expected(runs);
  Stage stage({.hostile = {"hostile"}, .config = with_deed(GetParam())});
  for (int time = 1; time <= 3; ++time) {
    const auto found = stage.judge(runs);
    expected.compare(found);
  }
  EXPECT_TRUE(stage.conduct().off("worst", "hostile")) << stage.log().text();
}

INSTANTIATE_TEST_SUITE_P(Ways, HostileChannel, ::testing::Values("write_answers", "write_channel"),
                         [](const auto& tested) { return std::string(tested.param); });

TEST(HostileOnce, CrashingInCreateFailsEveryRunUntilItIsOff) {
  const auto runs = some_runs(kEvil);
  const Expected expected(runs);
  Stage stage({.hostile = {"hostile"}, .config = with_deed("create")});
  for (int time = 1; time <= 4; ++time) {
    const auto found = stage.judge(runs);
    expected.compare(found);
    EXPECT_TRUE(failure_of(found[0], "worst").starts_with(time <= 3 ? "crashed (SIGABRT) in create()" : "quarantined"))
        << failure_of(found[0], "worst");
  }
}

// In either mode: it costs its own answers, it is a strike, and nobody makes it throw again with the same parameters.
TEST(HostileOnce, AThrowInCreateFailsEveryRunWithItsText) {
  const auto runs = some_runs(kEvil);
  const Expected expected(runs);
  for (const bool in_process : {false, true}) {
    Stage stage({.hostile = {"hostile"}, .config = with_deed("create_throws"), .all_in_process = in_process});
    for (int time = 1; time <= 4; ++time) {
      const auto found = stage.judge(runs);
      expected.compare(found);
      for (const auto& verdict : found)
        EXPECT_NE(failure_of(verdict, "worst").find("threw an exception: not today"), std::string::npos)
            << failure_of(verdict, "worst");
    }
    EXPECT_FALSE(stage.conduct().off("worst", "hostile"));
    plugin::Strike more;  // three are the end, and one was taken
    more.component = "worst";
    more.sha256 = "hostile";
    EXPECT_FALSE(stage.conduct().strike(more)) << "in process: " << in_process;
    EXPECT_TRUE(stage.conduct().strike(more)) << "in process: " << in_process;
  }
}

// It reads what it kept of the run before, whose pages are closed: the first run after that one is the evil one.
TEST(HostileOnce, ReadingARunItKeptIsACrashOfItsOwn) {
  if (plugin::kSanitized) GTEST_SKIP() << "sanitizers handle such signals themselves";
  const auto runs = some_runs(kEvil);
  const Expected expected(runs);
  Stage stage({.hostile = {"hostile"}, .config = with_deed("keep")});
  const auto found = stage.judge(runs);
  expected.compare(found);
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const auto failure = failure_of(found[i], "worst");
    const std::string_view reason = i > 5 ? "quarantined since " : i % 2 == 1 ? "crashed (SIGSEGV) in detect()" : "";
    EXPECT_TRUE(failure.starts_with(reason) && failure.empty() == reason.empty()) << "run " << i << ": " << failure;
  }
  EXPECT_TRUE(stage.conduct().off("worst", "hostile"));
}

TEST(HostileOnce, ReadingARunOfAnEarlierBatchIsACrashOfItsOwn) {
  if (plugin::kSanitized) GTEST_SKIP() << "sanitizers handle such signals themselves";
  const auto runs = some_runs(kEvil);
  Stage stage({.hostile = {"hostile"}, .config = with_deed("keep")});
  for (std::size_t i = 0; i < 6; ++i) {
    const auto failure = failure_of(stage.judge({runs[i]}).front(), "worst");
    EXPECT_EQ(failure, i % 2 == 1 ? "crashed (SIGSEGV) in detect()" : "") << "batch " << i;
  }
  EXPECT_TRUE(stage.conduct().off("worst", "hostile"));
}

TEST(HostileOnce, CrashingInDestroyHurtsNobody) {
  const auto runs = some_runs(kEvil);
  Stage stage({.hostile = {"hostile"}, .config = with_deed("destroy")});
  EXPECT_TRUE(stage.judge(runs).front().failures.empty());
  stage.end();
  EXPECT_FALSE(has_children());
}

}  // namespace
}  // namespace dunetrace::testing
