// What is learned from judged runs: baselines and issues, written with the results by any number of workers.
#include <gtest/gtest.h>

#include <deque>
#include <random>
#include <thread>

#include "default_detectors.hpp"
#include "detect/sample.hpp"
#include "detect/worker.hpp"
#include "store/run_events.hpp"
#include "stored_runs.hpp"
#include "testing/postgres.hpp"
#include "testing/wait.hpp"

namespace dunetrace::detect {
namespace {

using namespace std::chrono_literals;
using dunetrace::testing::default_detectors;
using dunetrace::testing::looping_run;
using dunetrace::testing::SentEvent;
using dunetrace::testing::store_events;
using dunetrace::testing::TestDatabase;

// Every look at it is `step` later, so that whatever is timed took that long.
class SteppingClock final : public Clock {
 public:
  [[nodiscard]] double unix_seconds() const override { return 1'700'000'000; }
  [[nodiscard]] std::chrono::steady_clock::time_point steady() const override {
    return std::chrono::steady_clock::time_point(1h) + step * looks_.fetch_add(1);
  }
  std::chrono::microseconds step{0};

 private:
  mutable std::atomic<int> looks_{0};
};

// A run with tool and model calls of random length; now and then much longer than usual.
std::vector<SentEvent> some_run(std::mt19937& random) {
  const auto below = [&](unsigned n) { return static_cast<int>(random() % n); };
  std::vector<SentEvent> events{{"run.started", 0, 100}};
  double at = 100;
  const int turns = 3 + below(3) + (below(10) == 0 ? 12 : 0);
  int step = 0;
  for (int turn = 0; turn < turns; ++turn) {
    const auto tokens = std::to_string(1000 + turn * 600);
    events.push_back({"llm.called", ++step, at += 0.1, R"({"prompt_tokens":)" + tokens + "}"});
    events.push_back({"llm.responded", step, at += 0.5 + below(1000) / 1000.0, "{}"});
    if (below(3) == 0) continue;
    events.push_back({"tool.called", ++step, at += 0.1, R"({"tool_name":"t)" + std::to_string(below(4)) + "\"}"});
    events.push_back(
        {"tool.responded", step, at += 0.1 + below(1000) / 1000.0 * (below(30) == 0 ? 20 : 1), R"({"success":true})"});
  }
  const int ending = below(12);
  if (ending < 10) events.push_back({"run.completed", step + 1, at + 0.1, "{}"});
  if (ending == 10) events.push_back({"run.errored", step + 1, at + 0.1, "{}"});
  return events;
}

class LearnedTest : public ::testing::Test {
 protected:
  LearnedTest() {
    live_ = std::make_unique<plugin::Live>(default_detectors(database_.log().logger()));
    options_.batch_size = 9;
  }

  std::unique_ptr<Worker> worker() {
    return std::make_unique<Worker>(options_, stall_timeout_, db_, *live_, database_.log().logger(), metrics_, clock_);
  }
  void work_off() {
    const auto one = worker();
    for (auto done = one->cycle(); done && done->claimed > 0; done = one->cycle()) {
    }
  }
  void store_runs(int from, int to, const std::string& agent = "agent") {
    for (int i = from; i < to; ++i) store_events(db_, "c", "r" + std::to_string(i), agent, some_run(random_));
  }
  Baselines usual(const std::string& agent = "agent") {
    return store::load_usual(db_, {{"c", agent, "v1"}}).value().begin()->second.baselines("nobody");
  }
  // The 75th percentile of `value` over what `from` has for the 50 newest judged runs that count, by the database.
  std::optional<double> recomputed(const std::string& value, const std::string& from, const std::string& where) {
    const auto rows = database_.rows(
        "WITH newest AS (SELECT p.run_id FROM processed_runs p"
        "  WHERE EXISTS (SELECT 1 FROM events e WHERE e.run_id = p.run_id AND event_type = 'run.completed')"
        "    AND NOT EXISTS (SELECT 1 FROM events e WHERE e.run_id = p.run_id AND event_type = 'run.errored')"
        "  ORDER BY p.processed_at DESC, p.seq DESC LIMIT 50),"
        " steps AS (SELECT run_id, event_type, trunc((lead(\"timestamp\") OVER w - \"timestamp\") * 1000) AS ms FROM "
        "events"
        "   JOIN newest USING (run_id) WINDOW w AS (PARTITION BY run_id ORDER BY step_index, \"timestamp\", id)),"
        " tokens AS (SELECT DISTINCT run_id, count(*) OVER r AS calls,"
        "   first_value((payload->>'prompt_tokens')::float8) OVER o AS first,"
        "   last_value((payload->>'prompt_tokens')::float8) OVER o AS last FROM events JOIN newest USING (run_id)"
        "   WHERE event_type = 'llm.called' WINDOW r AS (PARTITION BY run_id), o AS (PARTITION BY run_id"
        "   ORDER BY step_index, \"timestamp\", id ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)),"
        " counts AS (SELECT run_id, count(*) FILTER (WHERE event_type = 'llm.called') AS llm,"
        "   count(*) FILTER (WHERE event_type = 'tool.called') AS tool, max(step_index) AS most"
        "   FROM events JOIN newest USING (run_id) GROUP BY 1)"
        " SELECT percentile_cont(0.75) WITHIN GROUP (ORDER BY " +
        value + "), count(DISTINCT run_id) FROM " + from + " WHERE " + where);
    if (std::stoi(*rows[0][1]) < 20) return std::nullopt;
    return std::stod(*rows[0][0]);
  }
  std::string issue(const std::string& agent, const std::string& type) {
    return database_.scalar(
        "SELECT coalesce(string_agg(status || ' ' || affected_runs || ' ' || clean_runs_since, ''), 'none')"
        " FROM issues WHERE agent_id = '" +
        agent + "' AND failure_type = '" + type + "'");
  }

  TestDatabase database_;
  store::Database& db_ = database_.db();
  SteppingClock clock_;
  std::unique_ptr<plugin::Live> live_;
  Options options_;
  std::atomic<std::chrono::milliseconds> stall_timeout_{0ms};
  WorkerMetrics metrics_{database_.metrics()};
  std::mt19937 random_{5};
};

TEST_F(LearnedTest, EqualsARecomputationFromEvents) {
  const auto agrees = [&] {
    const auto have = usual();
    const auto same = [](std::optional<double> a, std::optional<double> b) {
      return a.has_value() == b.has_value() && (!a || std::abs(*a - *b) <= 1e-9 * std::abs(*b));
    };
    EXPECT_TRUE(same(have.p75_steps, recomputed("most", "counts", "true")));
    EXPECT_TRUE(
        same(have.p75_tool_latency_ms, recomputed("ms", "steps", "event_type = 'tool.called' AND ms IS NOT NULL")));
    EXPECT_TRUE(
        same(have.p75_llm_latency_ms, recomputed("ms", "steps", "event_type = 'llm.called' AND ms IS NOT NULL")));
    EXPECT_TRUE(same(have.p75_token_growth, recomputed("last / first", "tokens", "calls >= 3 AND last >= 2000")));
    EXPECT_TRUE(same(have.p75_llm_tool_ratio, recomputed("llm::float8 / greatest(tool, 1)", "counts", "llm >= 5")));
  };
  store_runs(0, 15);
  work_off();
  agrees();
  store_runs(15, 30);
  work_off();
  agrees();
  store_runs(30, 150);
  work_off();
  agrees();
  EXPECT_TRUE(usual().p75_steps && usual().p75_tool_latency_ms && usual().p75_token_growth);
  // A late event makes one of them an errored run, and another one longer.
  store_events(db_, "c", "r149", "agent", {{"run.errored", 90, 500}});
  store_events(db_, "c", "r100", "agent", {{"tool.called", 80, 400}, {"run.completed", 81, 405}});
  work_off();
  agrees();
}

TEST_F(LearnedTest, OutlivesAWorkerAndIsEachVersionsOwn) {
  const auto with_steps = [](int steps) {
    return std::vector<SentEvent>{{"run.started", 0, 100}, {"run.completed", steps, 101}};
  };
  for (int i = 0; i < 20; ++i) store_events(db_, "c", "r" + std::to_string(i), "agent", with_steps(4));
  work_off();
  store_events(db_, "c", "long", "agent", with_steps(9));
  store_events(db_, "other", "long", "agent", with_steps(9));
  store_events(db_, "c", "long of another", "another", with_steps(9));
  work_off();
  EXPECT_EQ(database_.scalar("SELECT string_agg(customer_id || run_id || ' ' || (evidence->>'baseline_p75'), ',') "
                             "FROM failure_signals WHERE failure_type = 'STEP_COUNT_INFLATION'"),
            "clong 4.0");
  EXPECT_EQ(
      database_.scalar("SELECT count(DISTINCT config_hash) || ' ' || min(length(config_hash)) FROM processed_runs"),
      "1 16");
  EXPECT_EQ(database_.scalar("SELECT length(config_hash) FROM failure_signals"), "16");
}

TEST_F(LearnedTest, RunsOfABatchSeeThoseBeforeThem) {
  options_.batch_size = 100;
  for (int i = 0; i < 30; ++i)
    store_events(db_, "c", "r" + std::to_string(i), "agent",
                 {{"run.started", 0, 100}, {"run.completed", i == 25 ? 9 : 4, 101}});
  work_off();
  EXPECT_EQ(database_.scalar("SELECT string_agg(run_id, ',') FROM failure_signals"), "r25");
}

TEST_F(LearnedTest, OldSamplesAreRemoved) {
  for (int i = 0; i < 400; ++i)
    store_events(db_, "c", "r" + std::to_string(i), "agent", {{"run.started", 0, 100}, {"run.completed", i, 101}});
  work_off();
  const auto kept = std::stoi(database_.scalar("SELECT count(*) FROM run_samples"));
  EXPECT_GE(kept, 200);
  EXPECT_LT(kept, 275);
  EXPECT_EQ(usual().p75_steps, recomputed("most", "counts", "true"));
}

TEST_F(LearnedTest, NamesThatNoIndexHoldsAreJudgedAndNotLearned) {
  const auto hex = database_.scalar("SELECT string_agg(md5(i::text), '') FROM generate_series(1, 70) i");
  store_events(db_, "c", "r", hex, looping_run());
  work_off();
  EXPECT_EQ(database_.scalar("SELECT signal_count || ' ' || incomplete FROM processed_runs"), "1 []");
  EXPECT_EQ(database_.scalar("SELECT count(*) FROM run_samples"), "0");
}

TEST_F(LearnedTest, WhatCannotBeReadIsNoBaseline) {
  store_runs(0, 40);
  work_off();
  database_.exec("UPDATE run_samples SET tool_ms = '{{1,2},{3,4}}'");
  store_runs(40, 60);
  work_off();
  EXPECT_EQ(database_.scalar("SELECT count(*) FROM processed_runs WHERE incomplete = '[]'"), "60");
  EXPECT_EQ(database_.scalar("SELECT count(*) FROM failure_signals s JOIN processed_runs USING (run_id) "
                             "WHERE evidence ? 'baseline_p75' AND substr(run_id, 2)::int >= 40"),
            "0");
  const auto lines = database_.log().lines();
  EXPECT_TRUE(
      std::ranges::any_of(lines, [](const auto& line) { return line.find("detect.baseline_failed") != line.npos; }));
}

TEST_F(LearnedTest, SecondLooksMoveIssuesByWhatTheySayAnew) {
  const auto look = [&](const std::string& run, std::vector<SentEvent> events) {
    store_events(db_, "c", run, "agent", events);
    work_off();
  };
  const std::vector<SentEvent> failed{
      {"tool.called", 1, 100}, {"tool.responded", 1, 101, R"({"success":false})"}, {"run.completed", 4, 102}};
  look("first", failed);
  EXPECT_EQ(issue("agent", "FIRST_STEP_FAILURE"), "open 1 0");
  look("clean", {{"run.completed", 4, 102}});
  EXPECT_EQ(issue("agent", "FIRST_STEP_FAILURE"), "open 1 1");
  database_.exec("UPDATE failure_signals SET alerted = true");
  look("clean", {{"policy.triggered", 4, 103}});
  EXPECT_EQ(issue("agent", "FIRST_STEP_FAILURE"), "open 1 1") << "a run is processed once";
  look("clean", failed);
  EXPECT_EQ(issue("agent", "FIRST_STEP_FAILURE"), "open 2 0");
  // The answer that arrived first was the second one's: the first call is the one that succeeded.
  look("first",
       {{"tool.responded", 0, 99.5, "{}"}, {"tool.called", 0, 99}, {"tool.responded", 0, 99.2, R"({"success":true})"}});
  EXPECT_EQ(issue("agent", "FIRST_STEP_FAILURE"), "open 2 0") << "it still failed";
  EXPECT_EQ(database_.scalar("SELECT count(*) FROM failure_signals WHERE alerted"), "1");
}

TEST_F(LearnedTest, ARunThatTurnsOutToBeAnotherAgentsTakesEverythingWithIt) {
  const std::vector<SentEvent> failed{
      {"tool.called", 1, 100}, {"tool.responded", 1, 101, R"({"success":false})"}, {"run.completed", 4, 102}};
  store_events(db_, "c", "r", "agent", failed);
  work_off();
  EXPECT_EQ(issue("agent", "FIRST_STEP_FAILURE"), "open 1 0");
  store_events(db_, "c", "r", "owner", {{"run.started", 0, 99}});
  work_off();
  EXPECT_EQ(issue("agent", "FIRST_STEP_FAILURE"), "none");
  EXPECT_EQ(issue("owner", "FIRST_STEP_FAILURE"), "open 1 0");
  EXPECT_EQ(database_.scalar("SELECT agent_id FROM run_samples"), "owner");
  EXPECT_EQ(database_.scalar("SELECT string_agg(agent_id, ',') FROM failure_signals"), "owner");
}

// Several workers at once; then one judges everything anew in the order that came about, by the tables' own record.
class Workers : public LearnedTest, public ::testing::WithParamInterface<std::chrono::microseconds> {};

TEST_P(Workers, JudgeAsOneWouldInTheirOrder) {
  clock_.step = GetParam();
  store_runs(0, 500);
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 3; ++i) threads.emplace_back([this] { work_off(); });
  }
  const auto order = database_.rows("SELECT run_id FROM processed_runs ORDER BY processed_at, seq");
  ASSERT_EQ(order.size(), 500U);
  EXPECT_EQ(database_.scalar("SELECT count(*) || ' ' || max(seq) FROM processed_runs a WHERE NOT EXISTS (SELECT 1 FROM "
                             "processed_runs b WHERE b.seq < a.seq AND b.processed_at > a.processed_at)"),
            "500 500");
  const auto generation = live_->current();
  Judge judge(generation->registry, generation->config, database_.log().logger());
  Replayer replayer;
  UsualRuns usual;
  int fired = 0;
  for (const auto& row : order) {
    store::ClaimedRun claimed;
    claimed.customer_id = "c";
    claimed.run_id = *row[0];
    auto run = replayer.replay(store::load_all(db_, {&claimed, 1}, {.max_events = kMaxLoaded}).value().front(),
                               usual.baselines(*row[0]));
    auto expected = judge.judge(run).signals;
    std::ranges::sort(expected, {}, &Signal::failure_type);
    const auto stored = database_.rows(
        "SELECT failure_type, confidence::float8, evidence = '" + (expected.empty() ? "{}" : expected[0].evidence) +
        "'::jsonb FROM failure_signals WHERE run_id = '" + *row[0] + "' ORDER BY failure_type");
    ASSERT_EQ(stored.size(), expected.size()) << *row[0];
    for (std::size_t i = 0; i < stored.size(); ++i) {
      EXPECT_EQ(*stored[i][0], expected[i].failure_type);
      EXPECT_NEAR(std::stod(*stored[i][1]), expected[i].confidence, 1e-6);
      fired += expected[i].evidence.find("baseline_p75") != std::string::npos ? 1 : 0;
    }
    if (!stored.empty()) {
      EXPECT_EQ(*stored[0][2], "t") << expected[0].evidence;
    }
    const auto sample = sample_of(run);
    usual.judged(*row[0], sample ? std::make_shared<const RunSample>(*sample) : nullptr);
  }
  EXPECT_GT(fired, 5);
  EXPECT_GT(metrics_.judged_again.value(), 0U) << "they never met";
  EXPECT_EQ(usual.baselines("nobody"), this->usual());
}

// Judging takes no time, or so long that nobody may be kept waiting for it.
INSTANTIATE_TEST_SUITE_P(Judging, Workers, ::testing::Values(0us, 60'000us));

// Agents that only err have nothing usual, and take memory all the same.
TEST_F(LearnedTest, WhatAWorkerKeepsIsBounded) {
  constexpr int kAgents = 30'000, kAtOnce = 500;
  store::Usual usual;
  std::vector<store::RunResult> results(kAtOnce);
  std::size_t before = 0, most = 0;
  for (int agent = 0; agent < kAgents; ++agent) {
    auto& result = results[static_cast<std::size_t>(agent % kAtOnce)];
    result.run.customer_id = "c";
    result.agent_id = "agent " + std::to_string(agent);
    result.agent_version = "v1";
    if (agent % kAtOnce + 1 < kAtOnce) continue;
    ASSERT_TRUE(usual.refresh(db_, results));
    EXPECT_GT(usual.numbers(), std::min<std::size_t>(before, store::Usual::kMostNumbers / 2)) << "they count";
    before = usual.numbers();
    most = std::max(most, before);
  }
  EXPECT_GT(most, store::Usual::kMostNumbers) << "there was something to let go of";
  EXPECT_LT(most, store::Usual::kMostNumbers + kAtOnce * 200U);
  for (int times = 0; times < 3; ++times) ASSERT_TRUE(usual.refresh(db_, results));
  EXPECT_LE(usual.numbers(), store::Usual::kMostNumbers) << "what is known already adds nothing";
  usual.forget();
  EXPECT_EQ(usual.numbers(), 0U);
}

TEST_F(LearnedTest, AWorkerForgetsWhatIsUsualWhenTheDatabaseWasAway) {
  store::Usual usual;
  std::vector<store::RunResult> results(1);
  results[0].run.customer_id = "c";
  results[0].agent_id = "agent";
  results[0].agent_version = "v1";
  for (const bool writing : {false, true}) {
    ASSERT_TRUE(usual.refresh(db_, results));
    ASSERT_GT(usual.numbers(), 0U);
    dunetrace::testing::TestPostgres::instance().stop();
    const auto failed =
        writing ? store::write_results(db_, results, usual, [](const auto&) { return false; }).map([](const auto&) {})
                : usual.refresh(db_, results);
    dunetrace::testing::TestPostgres::instance().start();
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().code, Code::unavailable);
    EXPECT_EQ(usual.numbers(), 0U);
    ASSERT_TRUE(dunetrace::testing::wait_until([&] { return usual.refresh(db_, results).has_value(); }));
  }
}

// A server that lost its last commits and has come as far again counts as before and has other runs. Who meets the
// outage may be a claim or another worker, and where all sessions were idle nobody does.
TEST_F(LearnedTest, AWorkerForgetsWhatIsUsualWithEveryNewSession) {
  store_runs(0, 40);
  work_off();
  store_events(db_, "c", "new", "agent", looping_run());
  store::Usual usual;
  std::vector<store::RunResult> results(1);
  results[0].run = store::claim_runs(db_, {.lease = 60s}).value().at(0);
  results[0].agent_id = "agent";
  results[0].agent_version = "v1";
  const auto steps = [&] {
    results[0].baselines = usual.baselines(results).front();
    return results[0].baselines->p75_steps;
  };
  const auto all_have = [&](int n) { database_.exec("UPDATE run_samples SET steps = " + std::to_string(n)); };
  ASSERT_TRUE(usual.refresh(db_, results));
  ASSERT_TRUE(steps());
  all_have(1'000);
  ASSERT_TRUE(usual.refresh(db_, results));
  EXPECT_LT(steps(), 1'000) << "the count has not moved";
  ASSERT_GT(database_.kill_connections(), 0);
  ASSERT_TRUE(usual.refresh(db_, results)) << "nobody noticed";
  EXPECT_EQ(steps(), 1'000);

  all_have(2'000);
  ASSERT_GT(database_.kill_connections(), 0);
  const auto written = store::write_results(db_, results, usual, [](const auto&) { return false; });
  ASSERT_TRUE(written) << written.error().text;
  ASSERT_EQ(written->outdated.size(), 1U) << "what it was judged with is another server's";
  EXPECT_EQ(written->outdated[0].baselines.p75_steps, 2'000);
}

}  // namespace
}  // namespace dunetrace::detect
