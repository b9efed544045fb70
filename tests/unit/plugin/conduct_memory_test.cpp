// The rules of quarantine: what counts, what does not, and for how long.
#include "plugin/conduct_memory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "testing/fake_clock.hpp"

namespace dunetrace::plugin {
namespace {

using namespace std::chrono_literals;
using ::testing::Optional;

class ConductMemoryTest : public ::testing::Test {
 protected:
  Strike on_run(const std::string& run, Offence offence = Offence::crash) {
    return {.component = "bad",
            .library = "com.example.bad",
            .version = "1.0.0",
            .sha256 = "aa",
            .offence = offence,
            .customer_id = run.empty() ? "" : "acme",
            .run_id = run,
            .text = "ended by SIGSEGV in detect()"};
  }
  testing::FakeClock clock{1772445600};  // 2026-03-02 10:00:00 UTC
  ConductMemory memory{clock};
};

TEST_F(ConductMemoryTest, TurnsAComponentOffAtTheThirdStrikeWithinTenMinutes) {
  EXPECT_FALSE(memory.strike(on_run("r1")));
  clock.advance(5min);
  EXPECT_FALSE(memory.strike(on_run("r2", Offence::deadline)));
  EXPECT_EQ(memory.off("bad", "aa"), std::nullopt);
  clock.advance(4min + 59s);
  EXPECT_TRUE(memory.strike(on_run("r3")));
  EXPECT_THAT(
      memory.off("bad", "aa"),
      Optional(std::string("quarantined since 2026-03-02T10:09:59Z: 3 strikes within 10 minutes (crash, deadline, "
                           "crash)")));
  EXPECT_TRUE(memory.strike(on_run("r4"))) << "it stays off";
}

TEST_F(ConductMemoryTest, LetsSlowStrikesPass) {
  for (int i = 0; i < 300; ++i) {
    EXPECT_FALSE(memory.strike(on_run("r" + std::to_string(i))));
    clock.advance(5min);
  }
  EXPECT_FALSE(memory.strike(on_run(""))) << "strikes outside of a run are on no run in common";
}

TEST_F(ConductMemoryTest, TurnsAComponentOffAtTheSecondStrikeOnOneRun) {
  EXPECT_FALSE(memory.strike(on_run("r1")));
  clock.advance(3h);
  EXPECT_TRUE(memory.strike(on_run("r1", Offence::exit)));
  EXPECT_THAT(memory.off("bad", "aa"),
              Optional(std::string("quarantined since 2026-03-02T13:00:00Z: 2 strikes on one run (crash, exit)")));
}

TEST_F(ConductMemoryTest, TellsRunsOfTwoCustomersApart) {
  auto other = on_run("r1");
  other.customer_id = "bolt";
  EXPECT_FALSE(memory.strike(on_run("r1")));
  EXPECT_FALSE(memory.strike(other));
}

TEST_F(ConductMemoryTest, JudgesANewFileAnew) {
  auto next = on_run("r1");
  next.sha256 = "bb";
  EXPECT_FALSE(memory.strike(on_run("r1")));
  EXPECT_TRUE(memory.strike(on_run("r1")));
  EXPECT_EQ(memory.off("bad", "bb"), std::nullopt);
  EXPECT_FALSE(memory.strike(next));
}

TEST_F(ConductMemoryTest, ForgetsStrikesWhenItIsCleared) {
  memory.strike(on_run("r1"));
  memory.strike(on_run("r1"));
  memory.clear({"bad", "aa"});
  EXPECT_EQ(memory.off("bad", "aa"), std::nullopt);
  EXPECT_FALSE(memory.strike(on_run("r1")));
}

TEST_F(ConductMemoryTest, CountsStrikesOfThePastByTheirTime) {
  memory.remember(on_run("r1"), clock.unix_seconds() - 700);
  memory.remember(on_run("r2"), clock.unix_seconds() - 300);
  EXPECT_FALSE(memory.strike(on_run("r3")));
  EXPECT_TRUE(memory.strike(on_run("r4")));
}

TEST_F(ConductMemoryTest, SaysTheReasonItWasGiven) {
  memory.set_off({"bad", "aa"}, {1772445600, "3 strikes"});
  EXPECT_THAT(memory.off("bad", "aa"), Optional(std::string("quarantined since 2026-03-02T10:00:00Z: 3 strikes")));
  EXPECT_EQ(memory.all_off().size(), 1U);
}

}  // namespace
}  // namespace dunetrace::plugin
