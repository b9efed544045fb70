#include "plugin/isolation/call_record.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "core/clock.hpp"
#include "plugin/conduct_memory.hpp"
#include "plugin/isolation/sandbox.hpp"
#include "testing/temp_dir.hpp"
#include "testing/test_log.hpp"
#include "testing/wait.hpp"

namespace dunetrace::testing {
namespace {

using namespace std::chrono_literals;
using plugin::CallRecord;

class CallRecordTest : public ::testing::Test {
 protected:
  CallRecordTest() {
    library_.id = "com.example.odd";
    library_.version = "1.0.0";
    library_.sha256 = "ab12";
    library_.components.resize(1);
    library_.components.front().schema.id = "odd_run";
  }
  // A host of its own that does this while it calls the plugin; gives what its successor learns.
  template <class Deed>
  std::vector<plugin::Strike> after(Deed deed, bool in_call = true, bool about_a_run = true) {
    const auto pid = ::fork();
    if (pid == 0) {
      telemetry::Logger log(telemetry::Level::error, (dir_ / "child.log").string());
      const auto record = CallRecord::open(dir_ / "recorder", log).value();
      const auto slot = record->slot();
      if (about_a_run) slot->run("customer", "run-7");
      slot->begin({&library_, &library_.components.front()}, 50ms);
      if (!in_call) slot->end();
      deed();
      ::_exit(0);
    }
    int status = 0;
    EXPECT_EQ(::waitpid(pid, &status, 0), pid);
    auto found = CallRecord::leftovers(dir_ / "recorder");
    EXPECT_TRUE(CallRecord::leftovers(dir_ / "recorder").files.empty()) << "nobody else takes it up";
    if (found.strikes.empty()) return {};
    const auto strikes = std::exchange(found, {}).strikes;  // who reads it ends before they are stored
    auto again = CallRecord::leftovers(dir_ / "recorder");
    EXPECT_EQ(again.strikes.size(), strikes.size());
    again.forget();
    return strikes;
  }

  TempDir dir_;
  plugin::Library library_;
};

TEST_F(CallRecordTest, IsForTheHostAlone) {
  namespace fs = std::filesystem;
  const auto directory = dir_ / "recorder";
  fs::create_directories(directory);  // by an older version
  fs::permissions(directory, fs::perms(0755));
  TestLog log;
  const auto record = CallRecord::open(directory, log.logger()).value();
  EXPECT_EQ(fs::status(directory).permissions(), fs::perms(0700));
  int files = 0;
  for (const auto& file : fs::directory_iterator(directory)) {
    EXPECT_EQ(file.status().permissions(), fs::perms(0600)) << file.path();
    ++files;
  }
  EXPECT_EQ(files, 1);
}

TEST_F(CallRecordTest, ACrashNamesThePluginAndPutsItOffAtOnce) {
  if (plugin::kSanitized) GTEST_SKIP() << "sanitizers handle these signals";
  const auto strikes = after([] { std::abort(); });
  ASSERT_EQ(strikes.size(), 2U);
  EXPECT_EQ(strikes[0].component, "odd_run");
  EXPECT_EQ(strikes[0].library, "com.example.odd");
  EXPECT_EQ(strikes[0].sha256, "ab12");
  EXPECT_EQ(strikes[0].run_id, "run-7");
  EXPECT_EQ(strikes[0].offence, plugin::Offence::crash);
  EXPECT_NE(strikes[0].text.find("SIGABRT"), std::string::npos);
  EXPECT_TRUE(CallRecord::leftovers(dir_ / "recorder").strikes.empty()) << "told once";
}

TEST_F(CallRecordTest, ACrashInCreateIsEnoughToBeOffToo) {
  if (plugin::kSanitized) GTEST_SKIP() << "sanitizers handle these signals";
  SystemClock clock;
  plugin::ConductMemory conduct(clock);
  for (const auto& strike : after([] { std::abort(); }, true, false)) {
    EXPECT_EQ(strike.run_id, "");
    conduct.strike(strike);
  }
  EXPECT_TRUE(conduct.off("odd_run", "ab12"));
}

TEST_F(CallRecordTest, ACheckOfParametersThatEndsTheHostIsNotMadeAgain) {
  if (plugin::kSanitized) GTEST_SKIP() << "sanitizers handle these signals";
  const auto crash_in = [&](plugin::Phase phase) {
    const auto pid = ::fork();
    if (pid == 0) {
      telemetry::Logger log(telemetry::Level::error, (dir_ / "child.log").string());
      const auto record = CallRecord::open(dir_ / "recorder", log).value();
      const CallRecord::Setup written(record.get(), {&library_, &library_.components.front()}, phase);
      std::abort();
    }
    int status = 0;
    EXPECT_EQ(::waitpid(pid, &status, 0), pid);
    return CallRecord::leftovers(dir_ / "recorder");
  };
  auto created = crash_in(plugin::Phase::create);
  EXPECT_TRUE(created.in_validate.empty());
  ASSERT_FALSE(created.strikes.empty());
  EXPECT_NE(created.strikes[0].text.find("(SIGABRT) in create()"), std::string::npos) << created.strikes[0].text;
  created.forget();
  auto checked = crash_in(plugin::Phase::validate);
  EXPECT_EQ(checked.in_validate, (plugin::SilentChecks{{"odd_run", "ab12"}}));
  ASSERT_FALSE(checked.strikes.empty());
  EXPECT_NE(checked.strikes[0].text.find("(SIGABRT) in validate()"), std::string::npos) << checked.strikes[0].text;
  checked.forget();
}

TEST_F(CallRecordTest, WithoutARecordACallIsJustACall) {
  const CallRecord::Setup written(nullptr, {&library_, &library_.components.front()}, plugin::Phase::validate);
}

TEST_F(CallRecordTest, AFullDiskIsAnErrorAndNotASignal) {
  const auto small = dir_ / "small";
  std::filesystem::create_directories(small);
  if (::mount("tmpfs", small.c_str(), "tmpfs", 0, "size=16k") != 0)
    GTEST_SKIP() << "may mount no file system here: " << std::strerror(errno);
  TestLog log;
  const auto record = CallRecord::open(small, log.logger());
  const bool empty = std::filesystem::is_empty(small);
  EXPECT_EQ(::umount(small.c_str()), 0);
  ASSERT_FALSE(record);
  EXPECT_NE(record.error().text.find("No space left"), std::string::npos) << record.error().text;
  EXPECT_TRUE(empty);
}

TEST_F(CallRecordTest, ANullDereferenceIsAttributedToo) {
  if (plugin::kSanitized) GTEST_SKIP() << "sanitizers handle these signals";
  const auto strikes = after([] { ::raise(SIGSEGV); });
  ASSERT_FALSE(strikes.empty());
  EXPECT_NE(strikes[0].text.find("SIGSEGV"), std::string::npos);
}

TEST_F(CallRecordTest, NobodyIsBlamedForAHostThatWasKilled) {
  EXPECT_TRUE(after([] { ::kill(::getpid(), SIGKILL); }).empty());
}

TEST_F(CallRecordTest, NobodyIsBlamedForACrashOutsideOfACall) {
  EXPECT_TRUE(after([] { std::abort(); }, false).empty());
}

TEST_F(CallRecordTest, ALivingHostsRecordIsLeftAlone) {
  TestLog log;
  const auto record = CallRecord::open(dir_ / "recorder", log.logger()).value();
  const auto slot = record->slot();
  slot->begin({&library_, &library_.components.front()}, 1h);
  EXPECT_TRUE(CallRecord::leftovers(dir_ / "recorder").strikes.empty());
  slot->end();
}

TEST_F(CallRecordTest, ACallThatNeverReturnsEndsTheProcess) {
  TestLog log;
  std::atomic<int> code{0};
  const auto record = CallRecord::open(dir_ / "recorder", log.logger(), [&](int with) { code = with; }).value();
  const auto slot = record->slot();
  slot->run("customer", "run-7");
  slot->begin({&library_, &library_.components.front()}, 1ms);
  EXPECT_TRUE(wait_until([&] { return code == plugin::kExitHungPlugin; }));
  slot->end();
  EXPECT_TRUE(log.contains("plugin.hung"));
  EXPECT_TRUE(log.contains("odd_run"));
}

TEST_F(CallRecordTest, AHangIsKnownAtTheNextStart) {
  const auto strikes = after([] {
    for (;;) ::pause();
  });
  ASSERT_EQ(strikes.size(), 2U);
  EXPECT_EQ(strikes[0].offence, plugin::Offence::deadline);
}

TEST_F(CallRecordTest, RunsOutOfPagesWithoutHarm) {
  TestLog log;
  const auto record = CallRecord::open(dir_ / "recorder", log.logger()).value();
  std::vector<std::unique_ptr<CallRecord::Slot>> slots;
  while (auto slot = record->slot()) slots.push_back(std::move(slot));
  EXPECT_GE(slots.size(), 16U);
  slots.pop_back();
  EXPECT_NE(record->slot(), nullptr);
}

}  // namespace
}  // namespace dunetrace::testing
