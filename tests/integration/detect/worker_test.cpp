#include "detect/worker.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <random>

#include "default_detectors.hpp"
#include "stored_runs.hpp"
#include "testing/postgres.hpp"

namespace dunetrace::detect {
namespace {

using namespace std::chrono_literals;
using dunetrace::testing::default_detectors;
using dunetrace::testing::looping_run;
using dunetrace::testing::store_events;
using dunetrace::testing::TestDatabase;

// Time goes on by `step` with every look, and something may happen meanwhile.
class BusyClock final : public Clock {
 public:
  [[nodiscard]] double unix_seconds() const override { return 1'700'000'000; }
  [[nodiscard]] std::chrono::steady_clock::time_point steady() const override {
    now_ += step;
    if (on_look) on_look();
    return now_;
  }
  std::chrono::milliseconds step{0};
  std::function<void()> on_look;

 private:
  mutable std::chrono::steady_clock::time_point now_{1h};
};

class WorkerTest : public ::testing::Test {
 protected:
  WorkerTest() : live_(default_detectors(database_.log().logger())) {}
  Worker worker() { return {options_, stall_timeout_, db_, live_, database_.log().logger(), metrics_, clock_}; }
  void store_runs(int runs) {
    for (int i = 0; i < runs; ++i) store_events(db_, "c", "r" + std::to_string(i), "agent", looping_run());
  }
  std::uint64_t processed() const { return metrics_.completed.value(); }

  TestDatabase database_;
  store::Database& db_ = database_.db();
  BusyClock clock_;
  plugin::Live live_;
  Options options_;
  std::atomic<std::chrono::milliseconds> stall_timeout_{90s};
  WorkerMetrics metrics_{database_.metrics()};
};

TEST_F(WorkerTest, ARunThatCannotBeReadDoesNotHoldUpTheOthers) {
  store_runs(3);
  store_events(db_, "c", "broken", "agent", looping_run());
  database_.exec(
      "CREATE FUNCTION readable(run text, what jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$ BEGIN "
      "IF run = 'broken' THEN RAISE 'invalid page'; END IF; RETURN what; END $$;"
      "ALTER TABLE events RENAME TO stored_events;"
      "CREATE VIEW events AS SELECT id, customer_id, event_type, run_id, agent_id, agent_version, step_index, "
      "\"timestamp\", readable(run_id, payload) AS payload, parent_run_id, received_at FROM stored_events");
  EXPECT_EQ(worker().cycle()->claimed, 4U);
  EXPECT_EQ(database_.scalar("SELECT string_agg(run_id, ' ' ORDER BY run_id) FROM processed_runs "
                             "WHERE incomplete = '[]' AND signal_count = 1"),
            "r0 r1 r2");
  EXPECT_EQ(database_.scalar("SELECT incomplete::text FROM processed_runs WHERE run_id = 'broken'"),
            R"([{"reason": "the events of the run could not be read", "detector": "host"}])");
  EXPECT_EQ(worker().cycle()->claimed, 0U) << "it does not come back for ever";
}

// A statement that takes too long says nothing about a run, unless others are quick.
TEST_F(WorkerTest, SlowLoadsAreNoRunsFaultUntilOthersAreQuick) {
  store_runs(3);
  database_.exec(
      "CREATE TABLE slow (run_id text);"
      "CREATE FUNCTION readable(run text, what jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$ BEGIN "
      "IF EXISTS (SELECT 1 FROM slow WHERE run_id = run) THEN PERFORM pg_sleep(60); END IF; RETURN what; END $$;"
      "ALTER TABLE events RENAME TO stored_events;"
      "CREATE VIEW events AS SELECT id, customer_id, event_type, run_id, agent_id, agent_version, step_index, "
      "\"timestamp\", readable(run_id, payload) AS payload, parent_run_id, received_at FROM stored_events;"
      "INSERT INTO slow VALUES ('r0'), ('r1'), ('r2')");
  auto options = db_.options();
  options.statement_timeout = 300ms;
  store::Database impatient(options, database_.log().logger(), database_.metrics());
  Worker slowed(options_, stall_timeout_, impatient, live_, database_.log().logger(), metrics_, clock_);
  const auto failed = slowed.cycle();
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, Code::timeout);
  EXPECT_EQ(database_.scalar("SELECT count(*) FROM processed_runs"), "0");
  EXPECT_EQ(database_.scalar("SELECT count(*) FROM runs WHERE claim IS NOT NULL"), "0") << "given back";
  database_.exec("DELETE FROM slow WHERE run_id <> 'r0'");
  EXPECT_EQ(slowed.cycle()->claimed, 3U);
  EXPECT_EQ(database_.scalar("SELECT string_agg(run_id, ' ' ORDER BY run_id) FROM processed_runs"), "r1 r2");
  for (int i = 0; i < 2; ++i) {
    database_.exec("UPDATE runs SET judged_events = 0 WHERE run_id = 'r1'");  // due again
    EXPECT_EQ(slowed.cycle()->claimed, 2U);
  }
  EXPECT_EQ(database_.scalar("SELECT incomplete::text FROM processed_runs WHERE run_id = 'r0'"),
            R"([{"reason": "loading the events of the run took too long", "detector": "host"}])");
  EXPECT_EQ(slowed.cycle()->claimed, 0U) << "it does not come back for ever";
}

TEST_F(WorkerTest, AnEnormousRunIsJudgedWithItsEnd) {
  auto events = looping_run();
  events.pop_back();
  for (int i = 0; i < static_cast<int>(kMaxLoaded); ++i) events.push_back({"policy.triggered", 7, 200.0 + i});
  events.push_back({"run.completed", 30'000, 300'000, R"({"exit_reason":"final_answer"})"});
  store_events(db_, "c", "r", "agent", events);
  EXPECT_EQ(worker().cycle()->claimed, 1U);
  EXPECT_EQ(database_.scalar("SELECT exit_reason || ' ' || truncated FROM processed_runs"), "final_answer true");
  EXPECT_EQ(database_.scalar("SELECT string_agg(failure_type, ' ' ORDER BY failure_type) FROM failure_signals"),
            "TOOL_LOOP");
}

TEST_F(WorkerTest, PayloadsThatAreTooLargeAreLeftOutAndTheRunSaysSo) {
  auto events = looping_run();
  auto end = events.back();
  end.step = 7;
  end.at = 200;
  events.pop_back();
  // What hardly compresses, what compresses well, and what is a few bytes in the database and 2 MB as text.
  std::mt19937_64 random(7);
  std::string odd;
  while (odd.size() < 2'000'000) odd += std::to_string(random());
  std::string numbers = "1e99999";
  for (int i = 0; i < 20; ++i) numbers += ",1e99999";
  double at = 107;
  for (int i = 0; i < 20; ++i) {
    const auto& text = i % 2 == 0 ? odd : std::string(2'000'000, 'x');
    events.push_back({"llm.called", 6, at += 0.1, R"({"prompt":")" + text + "\"}"});
  }
  events.push_back({"llm.called", 6, at += 0.1, R"({"numbers":[)" + numbers + "]}"});
  events.push_back(end);
  store_events(db_, "c", "large", "agent", events);
  store_runs(1);
  auto claimed = store::claim_runs(db_, {}).value();
  std::map<std::string, std::size_t> bytes;
  const auto load = [&](std::size_t most) { return store::load_all(db_, claimed, {.max_events = most}).value(); };
  const auto all = load(kMaxLoaded), few = load(5), some = load(20);
  for (const auto& run : all) {
    for (const auto& event : run.events) bytes[run.run_id] += event.payload.size();
    EXPECT_EQ(run.truncated, run.run_id == "large");
  }
  EXPECT_LT(bytes.at("large"), bytes.at("r0") + 21 * 2 + 100) << "nothing of them is in memory";
  for (const auto& run : few) EXPECT_EQ(run.truncated, false);
  for (const auto& run : some) EXPECT_EQ(run.truncated, run.run_id == "large");
  ASSERT_TRUE(store::release_runs(db_, claimed));
  EXPECT_EQ(worker().cycle()->claimed, 2U);
  EXPECT_EQ(database_.scalar("SELECT string_agg(run_id || ' ' || truncated || ' ' || exit_reason, ', ' ORDER BY run_id)"
                             " FROM processed_runs WHERE incomplete = '[]'"),
            "large true final_answer, r0 false final_answer");
  EXPECT_EQ(database_.scalar("SELECT count(*) FROM failure_signals WHERE failure_type = 'TOOL_LOOP'"), "2");
}

TEST_F(WorkerTest, ALongRunIsJudgedWhenTheShortOnesAreWritten) {
  auto events = looping_run();
  events.pop_back();
  for (int i = 0; i < 2'100; ++i) events.push_back({"policy.triggered", 7, 200.0 + i});
  events.push_back({"run.completed", 8, 9'000});
  store_events(db_, "c", "long", "agent", events);
  store_runs(3);
  std::vector<std::string> seen;
  clock_.on_look = [&] {
    seen.push_back(
        database_.scalar("SELECT coalesce(string_agg(run_id, ' ' ORDER BY run_id), '') FROM processed_runs"));
  };
  EXPECT_EQ(worker().cycle()->claimed, 4U);
  EXPECT_GE(std::ranges::count(seen, "r0 r1 r2"), 1) << "with a look before the long run";
  EXPECT_EQ(database_.scalar("SELECT count(*) FROM processed_runs WHERE NOT truncated"), "4");
}

TEST_F(WorkerTest, ExtendsItsClaimsWhileItJudges) {
  store_runs(4);
  options_.lease = 1ms;  // in the database each claim is over at once, so only the renewed one is there to be seen
  clock_.step = 1h;
  std::vector<std::string> until;
  clock_.on_look = [&] {
    until.push_back(database_.scalar("SELECT count(DISTINCT claimed_until) || ' ' || max(claimed_until) FROM runs"));
  };
  EXPECT_EQ(worker().cycle()->claimed, 4U);
  ASSERT_GE(until.size(), 5U);  // before the claim, then before each run
  EXPECT_LT(until[1], until[2]);
  EXPECT_LT(until[2], until[3]);
  EXPECT_EQ(processed(), 4U);
}

TEST_F(WorkerTest, WhatItLostIsNotCountedAndTheNextBatchIsSmaller) {
  store_runs(8);
  options_ = {.batch_size = 8, .lease = 0ms};
  int looks = 0;
  std::vector<store::ClaimedRun> taken;
  clock_.on_look = [&] {  // with the third look, after the first run was judged, somebody else takes three of them
    if (++looks == 3) taken = store::claim_runs(db_, {.limit = 3, .lease = 60s}).value();
  };
  auto slow = worker();
  EXPECT_EQ(slow.cycle()->claimed, 8U);
  EXPECT_EQ(taken.size(), 3U);
  EXPECT_EQ(database_.scalar("SELECT count(*) FROM processed_runs"), "5");
  EXPECT_EQ(processed(), 5U);
  EXPECT_EQ(metrics_.lost_claims.value(), 3U);
  database_.exec("UPDATE runs SET judged_events = event_count");

  for (int i = 0; i < 8; ++i) store_events(db_, "c", "n" + std::to_string(i), "agent", looping_run());
  const auto next = slow.cycle();
  EXPECT_EQ(next->claimed, 4U);
  EXPECT_TRUE(next->more);
  EXPECT_EQ(slow.cycle()->claimed, 4U);
}

TEST_F(WorkerTest, CountsOnlyWhatItWrote) {
  store_runs(2);
  options_.lease = 1h;
  int looks = 0;
  clock_.on_look = [&] {
    if (++looks == 3) database_.exec("UPDATE runs SET claim = gen_random_uuid() WHERE run_id = 'r0'");
  };
  EXPECT_EQ(worker().cycle()->claimed, 2U);
  EXPECT_EQ(processed(), 1U);
  EXPECT_EQ(metrics_.lost_claims.value(), 1U);
}

}  // namespace
}  // namespace dunetrace::detect
