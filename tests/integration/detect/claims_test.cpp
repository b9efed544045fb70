#include <gtest/gtest.h>

#include <map>
#include <set>
#include <thread>

#include "store/run_events.hpp"
#include "store/run_results.hpp"
#include "store/work_queue.hpp"
#include "stored_runs.hpp"
#include "testing/postgres.hpp"

namespace dunetrace::store {
namespace {

using namespace std::chrono_literals;
using dunetrace::testing::looping_run;
using dunetrace::testing::SentEvent;
using dunetrace::testing::store_events;
using dunetrace::testing::TestDatabase;

class Claims : public ::testing::Test {
 protected:
  std::vector<ClaimedRun> claim(ClaimRules rules = {}) { return claim_runs(db_, rules).value(); }
  static RunResult result_of(const ClaimedRun& run) {
    RunResult result;
    result.run = run;
    result.agent_id = run.agent_id;
    result.agent_version = run.agent_version;
    result.exit_reason = "final_answer";
    Signal signal;
    signal.failure_type = "ODD_RUN";
    signal.severity = Severity::high;
    signal.confidence = 0.7667;
    signal.evidence = R"({"quote":"a\"b","list":[1,{"x":null}]})";
    signal.detector_id = "odd_run";
    signal.detector_version = "1.0.0";
    result.signals.push_back(signal);
    return result;
  }
  // Written as they are: these results depend on no baselines.
  Result<std::vector<std::size_t>> write(std::vector<RunResult> results) {
    auto written = write_results(db_, results, usual_, [](const auto&) { return false; });
    if (!written) return tl::unexpected<Error>(written.error());
    return written->places;
  }
  TestDatabase database_;
  Database& db_ = database_.db();
  Usual usual_;
};

TEST_F(Claims, TakesFinishedRunsOnceAndNotOpenOnes) {
  store_events(db_, "c", "done", "a", looping_run());
  store_events(db_, "c", "open", "a", {{"run.started", 0, 1}});
  const auto first = claim();
  ASSERT_EQ(first.size(), 1U);
  EXPECT_EQ(first[0].run_id, "done");
  EXPECT_EQ(first[0].trigger, "completed");
  EXPECT_EQ(first[0].event_count, 12);
  EXPECT_TRUE(claim().empty()) << "somebody is at it";
  const auto stalled = claim({.stall_timeout = 0ms});
  ASSERT_EQ(stalled.size(), 1U);
  EXPECT_EQ(stalled[0].run_id, "open");
  EXPECT_EQ(stalled[0].trigger, "stalled");
}

TEST_F(Claims, AWorkerThatDiesGivesItsRunsBack) {
  store_events(db_, "c", "r", "a", looping_run());
  const auto lost = claim({.lease = 0ms});  // ends at once, as if its worker had died long ago
  ASSERT_EQ(lost.size(), 1U);
  const auto again = claim();
  ASSERT_EQ(again.size(), 1U);
  EXPECT_TRUE(write({result_of(lost[0])})->empty()) << "it comes too late";
  EXPECT_EQ(database_.scalar("SELECT count(*) FROM failure_signals"), "0");
  EXPECT_EQ(*write({result_of(again[0])}), (std::vector<std::size_t>{0}));
  EXPECT_TRUE(write({result_of(again[0])})->empty()) << "a result is written once";
  EXPECT_EQ(database_.scalar("SELECT count(*) FROM failure_signals"), "1");
}

TEST_F(Claims, GivenBackRunsAreFreeAtOnce) {
  store_events(db_, "c", "r", "a", looping_run());
  const auto taken = claim();
  ASSERT_TRUE(release_runs(db_, taken));
  EXPECT_EQ(claim().size(), 1U);
}

TEST_F(Claims, AnExtendedClaimOutlivesItsLease) {
  store_events(db_, "c", "kept", "a", looping_run());
  store_events(db_, "c", "lost", "a", looping_run());
  const auto taken = claim({.lease = 0ms});
  ASSERT_EQ(taken.size(), 2U);
  const auto kept = taken[0].run_id == "kept" ? 0U : 1U;
  ASSERT_EQ(extend_claim(db_, {taken[kept]}, 60s).value(), (std::vector<std::size_t>{0}));
  const auto others = claim();
  ASSERT_EQ(others.size(), 1U) << "the other one's lease is over";
  EXPECT_EQ(others[0].run_id, "lost");
  EXPECT_EQ(extend_claim(db_, taken, 60s).value(), (std::vector<std::size_t>{kept}));
  EXPECT_EQ(write({result_of(taken[0]), result_of(taken[1])}).value(), (std::vector<std::size_t>{kept}));
}

TEST_F(Claims, AClaimTakesNoMoreEventsThanItsRulesAllowButOneRun) {
  for (const auto* run : {"r1", "r2", "r3"}) store_events(db_, "c", run, "a", looping_run());  // 12 events each
  ClaimTurns turns;
  EXPECT_EQ(claim_runs(db_, {.lease = 0ms, .max_events = 30}, turns)->size(), 2U);
  EXPECT_TRUE(turns.more);
  EXPECT_EQ(claim({.lease = 0ms, .max_events = 5}).size(), 1U);
  EXPECT_EQ(claim_runs(db_, {.lease = 0ms}, turns)->size(), 3U);
  EXPECT_FALSE(turns.more);
}

TEST_F(Claims, StalledRunsShareTheAllowance) {
  for (const auto* run : {"done1", "done2"})
    store_events(db_, "c", run, "a", {{"llm.called", 0, 1}, {"run.completed", 1, 2}});
  for (const auto* run : {"open1", "open2"})
    store_events(db_, "c", run, "a", {{"run.started", 0, 1}, {"llm.called", 1, 2}});
  ClaimRules rules{.lease = 0ms, .stall_timeout = 0ms, .max_events = 8};
  EXPECT_EQ(claim(rules).size(), 4U);
  rules.max_events = 6;
  EXPECT_EQ(claim(rules).size(), 3U) << "another does not fit any more";
  rules.max_events = 4;
  EXPECT_EQ(claim(rules).size(), 3U) << "one is always taken";
  rules.stall_timeout.reset();
  EXPECT_EQ(claim(rules).size(), 2U) << "nobody asked for stalled ones";
}

TEST_F(Claims, StoresSignalsEvidenceAndStateTogether) {
  store_events(db_, "c", "r", "a", looping_run());
  ASSERT_TRUE(write({result_of(claim().at(0))}));
  EXPECT_EQ(database_.scalar("SELECT evidence->>'quote' FROM failure_signals"), "a\"b");
  EXPECT_EQ(database_.scalar("SELECT confidence::text FROM failure_signals"), "0.7667");
  EXPECT_EQ(database_.scalar("SELECT signal_count || trigger || exit_reason FROM processed_runs"),
            "1completedfinal_answer");
  EXPECT_EQ(database_.scalar("SELECT judged_events = event_count AND claim IS NULL FROM runs"), "t");
  EXPECT_TRUE(claim().empty());
}

TEST_F(Claims, LateEventsMakeARunDueAgainAndKeepOneRowPerType) {
  store_events(db_, "c", "r", "a", looping_run());
  ASSERT_TRUE(write({result_of(claim().at(0))}));
  database_.exec("UPDATE failure_signals SET alerted = true");
  store_events(db_, "c", "r", "a", {{"llm.called", 7, 108}});
  const auto again = claim();
  ASSERT_EQ(again.size(), 1U);
  EXPECT_EQ(again[0].event_count, 13);
  auto result = result_of(again[0]);
  result.signals[0].confidence = 0.9;
  ASSERT_TRUE(write({result}));
  EXPECT_EQ(database_.scalar("SELECT string_agg(confidence::text || alerted, ',') FROM failure_signals"), "0.9true");
}

TEST_F(Claims, WhatNoLongerHoldsIsWithdrawnAndComesBackWhenItHoldsAgain) {
  const auto look = [&](bool with_signal) {
    store_events(db_, "c", "r", "a", {{"llm.called", 7, 108}});
    auto result = result_of(claim().at(0));
    if (!with_signal) result.signals.clear();
    ASSERT_TRUE(write({result}));
  };
  const auto state = [&] {
    return database_.scalar(
        "SELECT (withdrawn_at IS NULL) || ' ' || signal_count FROM failure_signals, processed_runs");
  };
  store_events(db_, "c", "r", "a", looping_run());
  look(true);
  EXPECT_EQ(state(), "true 1");
  look(false);
  EXPECT_EQ(state(), "false 0");
  look(true);
  EXPECT_EQ(state(), "true 1");
}

TEST_F(Claims, WhatADetectorFoundBeforeItFailedStands) {
  store_events(db_, "c", "r", "a", looping_run());
  ASSERT_TRUE(write({result_of(claim().at(0))}));
  store_events(db_, "c", "r", "a", {{"llm.called", 7, 108}});
  auto failed = result_of(claim().at(0));
  failed.signals.clear();
  failed.unjudged_types = {"ODD_RUN"};
  ASSERT_TRUE(write({failed}));
  EXPECT_EQ(database_.scalar("SELECT withdrawn_at IS NULL FROM failure_signals"), "t");
}

TEST_F(Claims, EventsThatArriveWhileARunIsJudgedAreNotOverlooked) {
  store_events(db_, "c", "r", "a", looping_run());
  const auto run = claim().at(0);
  store_events(db_, "c", "r", "a", {{"llm.called", 7, 108}});
  ASSERT_TRUE(write({result_of(run)}));
  EXPECT_EQ(claim().size(), 1U);
}

TEST_F(Claims, LoadsEventsInReplayOrderForEachRun) {
  store_events(db_, "c", "r1", "a",
               {{"llm.called", 2, 5}, {"llm.called", 2, 4}, {"run.completed", 3, 1}, {"run.started", 0, 9}});
  store_events(db_, "other", "r1", "a", {{"run.completed", 1, 1}});
  const auto runs = claim();
  ASSERT_EQ(runs.size(), 2U);
  const auto loaded = load_all(db_, runs, {.max_events = 100}).value();
  for (const auto& run : loaded) {
    std::vector<std::pair<int, double>> order;
    for (const auto& event : run.events) order.emplace_back(event.step_index, event.timestamp);
    if (run.customer_id == "c") {
      EXPECT_EQ(order, (std::vector<std::pair<int, double>>{{0, 9}, {2, 4}, {2, 5}, {3, 1}}));
    } else {
      EXPECT_EQ(order, (std::vector<std::pair<int, double>>{{1, 1}})) << "another customer's run of the same name";
    }
  }
}

TEST_F(Claims, OfALongRunTheBeginningAndTheEndAreLoaded) {
  const auto long_run = [&](const std::string& id, std::vector<SentEvent> end) {
    std::vector<SentEvent> events;
    for (int step = 0; step < 8; ++step) events.push_back({"llm.called", step, 1.0 + step});
    events.insert(events.end(), end.begin(), end.end());
    store_events(db_, "c", id, "a", events);
  };
  long_run("ended", {{"run.completed", 8, 20}, {"run.errored", 9, 21}});
  long_run("went_on", {{"run.completed", 8, 20}, {"llm.called", 9, 21}});
  store_events(db_, "c", "ended_early", "a",
               {{"run.completed", 0, 1}, {"llm.called", 1, 2}, {"llm.called", 2, 3}, {"llm.called", 3, 4}});
  store_events(db_, "c", "short", "a", {{"llm.called", 0, 1}, {"run.completed", 1, 2}});
  const auto runs = claim();
  const auto loaded = load_all(db_, runs, {.max_events = 3}).value();
  std::map<std::string, std::string> seen;
  for (const auto& run : loaded) {
    for (const auto& event : run.events)
      seen[run.run_id] += std::to_string(event.step_index) + (is_terminal(event.kind) ? "! " : " ");
  }
  EXPECT_EQ(seen["ended"], "0 1 2 9! ");
  EXPECT_EQ(seen["went_on"], "0 1 2 8! 9 ");
  EXPECT_EQ(seen["ended_early"], "0! 1 2 3 ");
  EXPECT_EQ(seen["short"], "0 1! ");
}

TEST_F(Claims, ManyWorkersShareTheRunsWithoutOverlap) {
  constexpr int kRuns = 200;
  for (int i = 0; i < kRuns; ++i) store_events(db_, "c", "r" + std::to_string(i), "a", {{"run.completed", 1, 1}});
  std::vector<std::vector<std::string>> taken(4);
  {
    std::vector<std::jthread> workers;
    for (auto& mine : taken) {
      workers.emplace_back([&] {
        for (auto some = claim_runs(db_, {.limit = 7}); some && !some->empty(); some = claim_runs(db_, {.limit = 7})) {
          for (const auto& run : *some) mine.push_back(run.run_id);
        }
      });
    }
  }
  std::multiset<std::string> all;
  for (const auto& mine : taken) all.insert(mine.begin(), mine.end());
  EXPECT_EQ(all.size(), static_cast<std::size_t>(kRuns));
  EXPECT_EQ(std::set<std::string>(all.begin(), all.end()).size(), all.size());
}

}  // namespace
}  // namespace dunetrace::store
