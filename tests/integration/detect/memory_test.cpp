// What loading the events of runs takes in memory is bounded, and what is left out for it depends on the runs alone.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <map>
#include <random>
#include <span>

#include "default_detectors.hpp"
#include "detect/worker.hpp"
#include "store/run_events.hpp"
#include "stored_runs.hpp"
#include "testing/postgres.hpp"

namespace dunetrace::detect {
namespace {

using namespace std::chrono_literals;
using dunetrace::testing::default_detectors;
using dunetrace::testing::looping_run;
using dunetrace::testing::SentEvent;
using dunetrace::testing::store_events;
using dunetrace::testing::TestDatabase;
using store::LoadedRun;
using store::LoadLimits;

// A number of the status of this process in MiB.
std::size_t status_mib(const std::string& name) {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    if (word != name + ":") continue;
    std::size_t kib = 0;
    status >> kib;
    return kib >> 10;
  }
  return 0;
}

class WatchedClock final : public Clock {
 public:
  [[nodiscard]] double unix_seconds() const override { return 1'700'000'000; }
  [[nodiscard]] std::chrono::steady_clock::time_point steady() const override {
    if (on_look) on_look();
    return std::chrono::steady_clock::now();
  }
  std::function<void()> on_look;
};

class MemoryTest : public ::testing::Test {
 protected:
  MemoryTest() : live_(default_detectors(database_.log().logger())) {}
  Worker worker(store::Database& db) {
    return {options_, stall_timeout_, db, live_, database_.log().logger(), metrics_, clock_};
  }
  std::string text(std::size_t bytes) {
    std::string odd;
    while (odd.size() < bytes) odd += std::to_string(random_());
    odd.resize(bytes);
    return odd;
  }
  std::string payload(std::size_t bytes) { return R"({"prompt":")" + text(bytes) + "\"}"; }

  // A looping run with so many large model calls.
  std::vector<SentEvent> large_run(int calls, std::size_t bytes) {
    auto events = looping_run();
    events.insert(events.begin() + 1, static_cast<std::size_t>(calls), {"llm.called", 0, 100.5});
    for (int i = 1; i <= calls; ++i) {
      auto& event = events[static_cast<std::size_t>(i)];
      event.at += i * 1e-4;
      event.payload = payload(bytes);
    }
    return events;
  }
  // The claimed run of this name.
  static const store::ClaimedRun& named(const std::vector<store::ClaimedRun>& runs, const std::string& name) {
    return *std::ranges::find(runs, name, &store::ClaimedRun::run_id);
  }
  static std::size_t bytes_of(const LoadedRun& run) {
    std::size_t bytes = 0;
    for (const auto& event : run.events) bytes += event.payload.size();
    return bytes;
  }
  static std::string content(const LoadedRun& run) {
    std::string out = run.truncated ? "truncated " : "whole ";
    for (const auto& event : run.events) out += std::to_string(event.id) + std::string(event.payload) + "\n";
    return out;
  }
  std::string processed() {
    return database_.scalar(
        "SELECT string_agg(run_id || ' ' || truncated || ' ' || exit_reason, ', ' ORDER BY run_id)"
        " FROM processed_runs WHERE incomplete = '[]'");
  }

  TestDatabase database_;
  store::Database& db_ = database_.db();
  WatchedClock clock_;
  plugin::Live live_;
  Options options_;
  std::atomic<std::chrono::milliseconds> stall_timeout_{90s};
  WorkerMetrics metrics_{database_.metrics()};
  std::mt19937_64 random_{7};
};

TEST_F(MemoryTest, AsManyRunsAreLoadedAsFitTogether) {
  for (int i = 0; i < 5; ++i) store_events(db_, "c", "r" + std::to_string(i), "agent", large_run(1, 10'000));
  const auto runs = store::claim_runs(db_, {}).value();
  ASSERT_EQ(runs.size(), 5U);
  const LoadLimits limits{.max_events = 100, .max_bytes = 25'000};
  const auto all = store::load_all(db_, runs, {.max_events = 100}).value();
  std::size_t done = 0;
  for (const auto fit : {2U, 2U, 1U}) {
    const auto some = store::load_events(db_, std::span(runs).subspan(done), limits).value();
    ASSERT_EQ(some.size(), fit);
    for (std::size_t i = 0; i < fit; ++i) EXPECT_EQ(content(some[i]), content(all[done + i]));
    done += fit;
  }
  EXPECT_EQ(content(store::load_all(db_, runs, limits).value().back()), content(all.back()));
}

TEST_F(MemoryTest, OfARunThatIsTooLargeTheSmallestPayloadsAreKept) {
  store_events(db_, "c", "large", "agent", large_run(30, 20'000));
  store_events(db_, "c", "small", "agent", looping_run());
  const auto runs = store::claim_runs(db_, {}).value();
  const auto& large = named(runs, "large");
  const LoadLimits limits{.max_events = 1'000, .max_bytes = 100'000};
  EXPECT_TRUE(store::load_events(db_, {&large, 1}, limits)->empty());
  const auto run = store::load_shortened(db_, large, limits).value();
  EXPECT_TRUE(run.truncated);
  EXPECT_FALSE(run.events_removed);
  ASSERT_EQ(run.events.size(), 42U);
  EXPECT_GT(bytes_of(run), 80'000U);
  EXPECT_LE(bytes_of(run), 100'000U + 30 * 2);
  int kept = 0, others = 0;
  for (std::size_t i = 1; i < run.events.size(); ++i) {
    EXPECT_LE(run.events[i - 1].step_index, run.events[i].step_index);
    if (run.events[i].payload.size() > 2) ++(run.events[i].type == "llm.called" ? kept : others);
  }
  EXPECT_EQ(kept, 4);
  EXPECT_EQ(others, 11) << "all that say what happened";
  EXPECT_FALSE(store::load_events(db_, {&named(runs, "small"), 1}, limits)->front().truncated);
}

// Payloads that compress well and that do not, of all sizes; runs that are cut as well.
TEST_F(MemoryTest, WhatIsLeftOutDependsOnNothingButTheRun) {
  constexpr int kRuns = 30;
  for (int run = 0; run < kRuns; ++run) {
    std::vector<SentEvent> events;
    for (int i = 0; i < 2 + run; ++i) {
      const auto bytes = static_cast<std::size_t>(1) << (random_() % 12);
      const auto odd = random_() % 2 == 0;
      events.push_back({"llm.called", i / 3, 1.0 * static_cast<double>(random_() % 4),
                        R"({"prompt":")" + (odd ? text(bytes) : std::string(bytes, 'x')) + "\"}"});
    }
    events.push_back({"run.completed", 20, 1});
    store_events(db_, "c", "r" + std::to_string(run), "agent", events);
  }
  auto runs = store::claim_runs(db_, {}).value();
  ASSERT_EQ(runs.size(), static_cast<std::size_t>(kRuns));
  for (const std::size_t most : {100U, 15U}) {
    const LoadLimits limits{.max_events = most, .max_bytes = 4'000};
    std::map<std::string, std::string> alone;
    int truncated = 0;
    for (const auto& run : runs) {
      const auto loaded = store::load_all(db_, {&run, 1}, limits).value();
      alone[run.run_id] = content(loaded.front());
      truncated += loaded.front().truncated ? 1 : 0;
      EXPECT_LE(bytes_of(loaded.front()), 4'000U + most * 2 + 2 * 2'100);
    }
    EXPECT_GT(truncated, 3);
    EXPECT_LT(truncated, kRuns - 3);
    for (int times = 0; times < 5; ++times) {
      std::ranges::shuffle(runs, random_);
      const auto together = store::load_all(db_, runs, limits).value();
      ASSERT_EQ(together.size(), runs.size());
      for (const auto& run : together) EXPECT_EQ(content(run), alone.at(run.run_id)) << run.run_id;
    }
  }
}

TEST_F(MemoryTest, AWorkerJudgesWhatDoesNotFitTogetherOneAfterTheOther) {
  for (int i = 0; i < 6; ++i) store_events(db_, "c", "r" + std::to_string(i), "agent", large_run(2, 10'000));
  store_events(db_, "c", "large", "agent", large_run(30, 10'000));
  options_.load_bytes = 50'000;
  auto one = worker(db_);
  EXPECT_EQ(one.cycle()->claimed, 7U);
  EXPECT_EQ(processed(),
            "large true final_answer, r0 false final_answer, r1 false final_answer, r2 false final_answer, "
            "r3 false final_answer, r4 false final_answer, r5 false final_answer");
  EXPECT_EQ(database_.scalar("SELECT count(*) FROM failure_signals WHERE failure_type = 'TOOL_LOOP'"), "7");
  EXPECT_EQ(metrics_.lost_claims.value(), 0U);

  for (int i = 0; i < 60; ++i) store_events(db_, "c", "n" + std::to_string(i), "agent", looping_run());
  EXPECT_EQ(one.cycle()->claimed, 50U) << "others have a share of what comes next";
}

// A run that was not loaded at once may take longer than the lease, and so may those that wait for it.
TEST_F(MemoryTest, ClaimsOutlastALoadThatTakesLong) {
  store_events(db_, "c", "large", "agent", large_run(30, 10'000));
  for (int i = 0; i < 2; ++i) store_events(db_, "c", "r" + std::to_string(i), "agent", looping_run());
  options_.load_bytes = 50'000;
  std::vector<std::string> held;
  clock_.on_look = [&] {
    held.push_back(database_.scalar(
        "SELECT count(*) FILTER (WHERE claimed_until > now() + interval '20 seconds') || ' of ' || count(claim)"
        " FROM runs"));
  };
  EXPECT_EQ(worker(db_).cycle()->claimed, 3U);
  EXPECT_GE(std::ranges::count(held, "3 of 3"), 1) << "while the large run was loaded";
  EXPECT_EQ(database_.scalar("SELECT count(claim) FROM runs"), "0");
}

// A long run is alone in its batch: that others are quick is known from other batches.
TEST_F(MemoryTest, ALongRunThatCannotBeLoadedInTimeIsGivenUp) {
  std::vector<SentEvent> events{{"run.started", 0, 1}};
  for (int i = 0; i < 2'100; ++i) events.push_back({"policy.triggered", 1, 2.0 + i});
  events.push_back({"run.completed", 2, 9'000});
  store_events(db_, "c", "long", "agent", events);
  database_.exec(
      "CREATE FUNCTION readable(run text, what jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$ BEGIN "
      "IF run = 'long' THEN PERFORM pg_sleep(60); END IF; RETURN what; END $$;"
      "ALTER TABLE events RENAME TO stored_events;"
      "CREATE VIEW events AS SELECT id, customer_id, event_type, run_id, agent_id, agent_version, step_index, "
      "\"timestamp\", readable(run_id, payload) AS payload, parent_run_id, received_at FROM stored_events");
  auto options = db_.options();
  options.statement_timeout = 300ms;
  store::Database impatient(options, database_.log().logger(), database_.metrics());
  auto slowed = worker(impatient);
  for (int i = 0; i < 2; ++i) EXPECT_FALSE(slowed.cycle()) << "nobody else is quick";
  EXPECT_EQ(database_.scalar("SELECT count(*) FROM processed_runs"), "0");
  for (int i = 0; i < 3; ++i) {
    database_.exec(
        "INSERT INTO stored_events (customer_id, batch_id, event_type, run_id, agent_id, agent_version, step_index,"
        " \"timestamp\") VALUES ('c', 'b', 'run.completed', 'short', 'agent', 'v1', 1, 1);"
        "INSERT INTO runs (customer_id, run_id, agent_id, agent_version, first_step, first_timestamp, outcome, "
        "max_step,"
        " event_count, first_received_at, last_received_at)"
        " VALUES ('c', 'short', 'agent', 'v1', 1, 1, 'completed', 1, 1, now(), now())"
        " ON CONFLICT (customer_id, run_id) DO UPDATE SET event_count = runs.event_count + 1, last_received_at = "
        "now()");
    static_cast<void>(slowed.cycle());
    ASSERT_EQ(database_.scalar("SELECT judged_events FROM runs WHERE run_id = 'short'"), std::to_string(i + 1));
  }
  EXPECT_EQ(database_.scalar("SELECT incomplete::text FROM processed_runs WHERE run_id = 'long'"),
            R"([{"reason": "loading the events of the run took too long", "detector": "host"}])");
  EXPECT_EQ(slowed.cycle()->claimed, 0U) << "it does not come back for ever";
}

// 1,500 payloads of 250 kB: some MB in the database, 375 MB as text.
TEST_F(MemoryTest, ARunOfHundredsOfMegabytesTakesFewOfThem) {
  store_events(db_, "c", "large", "agent", looping_run());
  database_.exec(
      "INSERT INTO events (customer_id, batch_id, event_type, run_id, agent_id, agent_version, step_index,"
      " \"timestamp\", payload) SELECT 'c', 'b', 'llm.called', 'large', 'agent', 'v1', 0, 100.5 + n * 1e-4,"
      " jsonb_build_object('prompt', repeat('x', 250000)) FROM generate_series(1, 1500) AS n;"
      "UPDATE runs SET event_count = event_count + 1500, last_received_at = now()");
  std::ofstream("/proc/self/clear_refs") << "5";  // the peak is what it takes now
  const auto before = status_mib("VmRSS"), peak = status_mib("VmHWM");
  EXPECT_EQ(worker(db_).cycle()->claimed, 1U);
  EXPECT_EQ(processed(), "large true final_answer");
  EXPECT_EQ(
      database_.scalar("SELECT string_agg(failure_type, ' ') FROM failure_signals WHERE failure_type = 'TOOL_LOOP'"),
      "TOOL_LOOP");
  EXPECT_LT(status_mib("VmHWM") - std::min(before, peak), 100U) << "MiB more than before";
}

}  // namespace
}  // namespace dunetrace::detect
