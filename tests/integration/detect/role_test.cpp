#include "detect/role.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>

#include "store/run_events.hpp"
#include "store/run_results.hpp"
#include "store/work_queue.hpp"
#include "stored_runs.hpp"
#include "testing/postgres.hpp"
#include "testing/wait.hpp"

namespace dunetrace::detect {
namespace {

using namespace std::chrono_literals;
using dunetrace::testing::looping_run;
using dunetrace::testing::store_events;
using dunetrace::testing::TestDatabase;
using dunetrace::testing::wait_until;

class RoleTest : public ::testing::Test {
 protected:
  void SetUp() override { configure(""); }
  void configure(const std::string& yaml) {
    auto registry = plugin::Registry::load(std::filesystem::path(DUNE_BINARY_DIR) / "lib/dunetrace/plugins", {},
                                           database_.log().logger());
    ASSERT_TRUE(registry) << registry.error().text;
    auto config = config::DetectorsFile::parse(yaml, "detectors.yml").value().resolve(registry->schemas(), {});
    ASSERT_TRUE(config) << config.error().text;
    live_ = std::make_unique<plugin::Live>(std::make_shared<const plugin::Generation>(
        plugin::Generation{std::move(*registry), std::move(*config), "detectors.yml"}));
  }
  // Polls rarely, so that what happens soon happens because of a notification.
  std::unique_ptr<Role> start(Options options = {.workers = 2, .poll_interval = 60s}) {
    return std::make_unique<Role>(options, database_.db(), *live_, database_.log().logger(), database_.metrics(),
                                  clock_);
  }
  bool judged(int runs) {
    return wait_until([&] { return database_.scalar("SELECT count(*) FROM processed_runs") == std::to_string(runs); });
  }

  TestDatabase database_;
  SystemClock clock_;
  std::unique_ptr<plugin::Live> live_;
};

TEST_F(RoleTest, JudgesARunAsSoonAsItIsAnnounced) {
  const auto role = start();
  ASSERT_TRUE(wait_until([&] {
    return database_.scalar(
               "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
               "AND query ILIKE 'LISTEN%'") != "0";
  }));
  store_events(database_.db(), "c", "r", "agent", looping_run());
  ASSERT_TRUE(judged(1));
  EXPECT_EQ(database_.scalar(
                "SELECT failure_type || ' ' || severity || ' ' || round(confidence::numeric, 4) FROM failure_signals"),
            "TOOL_LOOP HIGH 0.7667");
  EXPECT_EQ(database_.scalar("SELECT shadow FROM failure_signals"), "f");
}

TEST_F(RoleTest, WorksOffWhatWaitedWhileItWasAway) {
  for (int i = 0; i < 250; ++i) store_events(database_.db(), "c", "r" + std::to_string(i), "agent", looping_run());
  const auto role = start();
  ASSERT_TRUE(judged(250));
  EXPECT_EQ(database_.scalar("SELECT count(*) FROM failure_signals"), "250");
}

TEST_F(RoleTest, JudgesStalledRunsAndAgainWhenTheyGoOn) {
  const auto role = start({.workers = 1, .poll_interval = 20ms, .stall_timeout = 50ms});
  auto events = looping_run();
  events.pop_back();
  store_events(database_.db(), "c", "r", "agent", events);
  ASSERT_TRUE(judged(1));
  EXPECT_EQ(database_.scalar("SELECT trigger FROM processed_runs"), "stalled");
  store_events(database_.db(), "c", "r", "agent", {{"run.completed", 9, 107, R"({"exit_reason":"final_answer"})"}});
  ASSERT_TRUE(wait_until([&] { return database_.scalar("SELECT trigger FROM processed_runs") == "completed"; }));
  EXPECT_EQ(database_.scalar("SELECT count(*) FROM failure_signals"), "1");
  EXPECT_EQ(database_.scalar("SELECT exit_reason FROM processed_runs"), "final_answer");
}

TEST_F(RoleTest, FollowsDetectorsYml) {
  configure(
      "quiet:\n  tool_loop: {enabled: false}\n"
      "shy:\n  tool_loop: {shadow: true}\n"
      "strict:\n  tool_loop: {severity: CRITICAL}\n"
      "patient:\n  tool_loop: {threshold: 5}\n");
  for (const auto* agent : {"quiet", "shy", "strict", "patient"})
    store_events(database_.db(), "c", agent, agent, looping_run());
  const auto role = start();
  ASSERT_TRUE(judged(4));
  EXPECT_EQ(database_.scalar("SELECT string_agg(agent_id || ' ' || severity || ' ' || shadow || ' ' || "
                             "round(confidence::numeric, 2), '; ' "
                             "ORDER BY agent_id) FROM failure_signals"),
            "patient HIGH false 0.50; shy HIGH true 0.77; strict CRITICAL false 0.77");
}

TEST_F(RoleTest, GoesOnAfterAnException) {
  class : public Clock {
   public:
    [[nodiscard]] double unix_seconds() const override {
      if (thrown.exchange(true)) return SystemClock().unix_seconds();
      throw std::runtime_error("no clock");
    }
    [[nodiscard]] std::chrono::steady_clock::time_point steady() const override { return SystemClock().steady(); }
    mutable std::atomic<bool> thrown{false};
  } clock;
  store_events(database_.db(), "c", "r", "agent", looping_run());
  const Role role({.workers = 1, .poll_interval = 20ms, .lease = 10ms}, database_.db(), *live_,
                  database_.log().logger(), database_.metrics(), clock);
  ASSERT_TRUE(judged(1));
  EXPECT_TRUE(clock.thrown);
  EXPECT_NE(database_.metrics().text().find("dunetrace_detector_cycle_failures_total 1"), std::string::npos);
}

TEST_F(RoleTest, TellsHowManyRunsWaitWithoutBeingAsked) {
  const auto& backlog = database_.metrics().gauge("dunetrace_detector_backlog_runs", "");
  for (int i = 0; i < 3; ++i) store_events(database_.db(), "c", "r" + std::to_string(i), "agent", looping_run());
  ASSERT_TRUE(store::claim_runs(database_.db(), {.lease = 1h}));  // somebody is at them and does not get on
  const auto role = start({.workers = 1, .poll_interval = 20ms});
  EXPECT_TRUE(wait_until([&] { return backlog.value() == 3; }));
  database_.exec("UPDATE runs SET judged_events = event_count");
  EXPECT_TRUE(wait_until([&] { return backlog.value() == 0; }));
}

TEST_F(RoleTest, GoesOnAfterTheDatabaseWasAway) {
  const auto role = start({.workers = 2, .poll_interval = 50ms});
  store_events(database_.db(), "c", "before", "agent", looping_run());
  ASSERT_TRUE(judged(1));
  auto& server = dunetrace::testing::TestPostgres::instance();
  server.stop();
  server.start();
  ASSERT_TRUE(wait_until([&] {
    try {
      store_events(database_.db(), "c", "after", "agent", looping_run());
      return true;
    } catch (const std::exception&) {
      return false;  // connections to the old server are found out one by one
    }
  }));
  ASSERT_TRUE(judged(2));
}

}  // namespace
}  // namespace dunetrace::detect
