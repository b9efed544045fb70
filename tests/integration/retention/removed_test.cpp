// Runs whose events retention has removed: nothing that was found in them is lost, whatever arrives later.
#include <atomic>

#include "default_detectors.hpp"
#include "detect/worker.hpp"
#include "fixture.hpp"
#include "store/run_events.hpp"
#include "stored_runs.hpp"

namespace dunetrace::testing {
namespace {

using namespace std::chrono_literals;

class Removed : public RetentionTest {
 protected:
  Removed() : live_(default_detectors(database_.log().logger())) {}
  std::size_t judge() {
    detect::Worker worker(options_, stall_timeout_, db_, live_, database_.log().logger(), metrics_, clock_);
    return worker.cycle().value().claimed;
  }
  void drop(int days_ago) {
    ASSERT_EQ(store::drop_event_partition(db_, name_of(days_ago), 30).value(), store::Dropped::dropped);
  }
  std::string stored() {
    return database_.scalar(
        "SELECT (SELECT string_agg(failure_type || ' ' || confidence || ' ' || (withdrawn_at IS NULL) || ' ' || "
        "evidence, "
        "';' ORDER BY failure_type) FROM failure_signals) || (SELECT string_agg(p::text, ';') FROM processed_runs p)");
  }
  std::string pending() { return database_.scalar("SELECT count(*) FROM runs WHERE judged_events < event_count"); }

  SystemClock clock_;
  plugin::Live live_;
  detect::Options options_;
  std::atomic<std::chrono::milliseconds> stall_timeout_{90s};
  detect::WorkerMetrics metrics_{database_.metrics()};
};

TEST_F(Removed, ALateEventTakesNothingBack) {
  store_events(db_, "c", "r", "a", looping_run());
  EXPECT_EQ(judge(), 1U);
  age("r", 40);
  drop(40);
  const auto before = stored();
  ASSERT_NE(before.find("TOOL_LOOP"), std::string::npos);
  for (int late = 0; late < 2; ++late) {
    store_events(db_, "c", "r", "a", {{"llm.called", 7 + late, 200}});
    EXPECT_EQ(judge(), 1U);
    EXPECT_EQ(stored(), before);
    EXPECT_EQ(pending(), "0") << "it does not come back for ever";
  }
  EXPECT_EQ(database_.scalar("SELECT event_count FROM runs"), "14");
  EXPECT_EQ(metrics_.events_removed.value(), 2U);
  EXPECT_EQ(metrics_.completed.value(), 1U) << "only judgements count";
}

TEST_F(Removed, NorWhenOnlyTheFirstDayIsGone) {
  auto events = looping_run();
  const std::vector<SentEvent> first(events.begin(), events.begin() + 6), rest(events.begin() + 6, events.end());
  store_events(db_, "c", "r", "a", first);
  age("r", 40);
  store_events(db_, "c", "r", "a", rest);
  EXPECT_EQ(judge(), 1U);
  const auto before = stored();
  ASSERT_NE(before.find("TOOL_LOOP"), std::string::npos);
  drop(40);
  store_events(db_, "c", "r", "a", {{"llm.called", 7, 200}});
  EXPECT_EQ(judge(), 1U);
  EXPECT_EQ(stored(), before);
}

// The partition is held until then, so it takes twice the limit without detection, or somebody's own DROP TABLE.
TEST_F(Removed, ARunThatWasNeverJudgedSaysWhy) {
  store_events(db_, "c", "r", "a", looping_run());
  age("r", 70);
  drop(70);
  EXPECT_EQ(judge(), 1U);
  EXPECT_EQ(pending(), "0");
  EXPECT_EQ(database_.scalar("SELECT incomplete::text FROM processed_runs"),
            R"([{"reason": "events of this run were removed before it was judged", "detector": "host"}])");
  EXPECT_EQ(database_.scalar("SELECT count(*) FROM failure_signals"), "0");
}

TEST_F(Removed, OthersOfTheBatchAreJudged) {
  store_events(db_, "c", "r", "a", looping_run());
  age("r", 70);
  drop(70);
  store_events(db_, "c", "fresh", "a", looping_run());
  store_events(db_, "other", "r", "a", looping_run());
  EXPECT_EQ(judge(), 3U);
  EXPECT_EQ(
      database_.scalar(
          "SELECT string_agg(customer_id || '/' || run_id, ' ' ORDER BY customer_id, run_id) FROM failure_signals"),
      "c/fresh other/r");
}

// Before its events are removed a run gets its second look as ever, however late the event is.
TEST_F(Removed, WhileTheyAreThereALateEventCounts) {
  store_events(db_, "c", "r", "a", looping_run());
  EXPECT_EQ(judge(), 1U);
  age("r", 40);
  store_events(db_, "c", "r", "a", {{"run.errored", 1, 200}});
  EXPECT_EQ(due(30), std::vector<std::string>{}) << "held for the second look";
  EXPECT_EQ(judge(), 1U);
  EXPECT_EQ(metrics_.events_removed.value(), 0U);
  EXPECT_EQ(due(30), std::vector<std::string>{name_of(40)});
}

TEST_F(Removed, RunsThatAreCutAreCounted) {
  store_events(db_, "c", "r", "a", {{"llm.called", 1, 1}, {"llm.called", 2, 2}});
  age("r", 40);
  store_events(db_, "c", "r", "a", looping_run());
  const auto runs = store::claim_runs(db_, {}).value();
  ASSERT_EQ(runs.size(), 1U);
  const auto removed = [&](std::size_t most) {
    return store::load_all(db_, runs, {.max_events = most}).value().front().events_removed;
  };
  EXPECT_FALSE(removed(3));
  EXPECT_FALSE(removed(100));
  drop(40);
  EXPECT_TRUE(removed(3));
  EXPECT_TRUE(removed(100));
}

// As many events arrive after the claim as were removed before it.
TEST_F(Removed, EventsThatArriveMeanwhileHideNothing) {
  store_events(db_, "c", "r", "a", {{"run.started", 0, 1}});
  age("r", 40);
  store_events(db_, "c", "r", "a", looping_run());
  EXPECT_EQ(judge(), 1U);
  drop(40);
  store_events(db_, "c", "r", "a", {{"llm.called", 7, 200}});
  auto runs = store::claim_runs(db_, {}).value();
  ASSERT_EQ(runs.size(), 1U);
  store_events(db_, "c", "r", "a", {{"llm.called", 8, 201}});
  EXPECT_TRUE(store::load_all(db_, runs, {.max_events = 100}).value().front().events_removed);
  runs[0].event_count = 0;  // as whoever did not claim it has it
  EXPECT_TRUE(store::load_all(db_, runs, {.max_events = 100}).value().front().events_removed);
}

}  // namespace
}  // namespace dunetrace::testing
