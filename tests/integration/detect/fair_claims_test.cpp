// Who is next: customers in turn, short before long, finished beside stalled; and what it costs to find out.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "store/claim_sql.hpp"
#include "store/work_queue.hpp"
#include "testing/postgres.hpp"

namespace dunetrace::store {
namespace {

using namespace std::chrono_literals;
using dunetrace::testing::TestDatabase;

class FairClaims : public ::testing::Test {
 protected:
  // Due runs without their events. `id` may use n, the number of the run, which also makes it older the larger it is.
  struct Runs {
    int count = 1;
    std::string customer = "'a'";
    int events = 10;
    bool finished = true;
    std::string age = "n * interval '1 millisecond'";
  };
  void add(const Runs& runs) {
    database_.exec(fmt::format(
        "INSERT INTO runs (customer_id, run_id, agent_id, agent_version, first_step, first_timestamp, outcome, "
        "max_step, event_count, first_received_at, last_received_at) "
        "SELECT {}, 'r{}-' || n, 'agent', 'v', 0, 1, {}, 5, {}, now() - interval '1 hour', "
        "now() - interval '10 minutes' - {} FROM generate_series(1, {}) AS n",
        runs.customer, ++kinds_, runs.finished ? "'completed'" : "NULL", runs.events, runs.age, runs.count));
  }
  std::vector<ClaimedRun> claim(ClaimRules rules = {}) { return claim_runs(db_, rules, turns_).value(); }
  static std::map<std::string, int> by_customer(const std::vector<ClaimedRun>& runs) {
    std::map<std::string, int> count;
    for (const auto& run : runs) ++count[run.customer_id];
    return count;
  }
  static int stalled(const std::vector<ClaimedRun>& runs) {
    return static_cast<int>(std::ranges::count(runs, "stalled", &ClaimedRun::trigger));
  }
  // How PostgreSQL would claim 100 runs now, and how many pages that touches; claims nothing.
  std::string plan(Queue queue) {
    const bool finished = queue == Queue::finished_short || queue == Queue::finished_long;
    std::string text;
    for (const auto& row :
         database_.rows(fmt::format("SET jit = off; BEGIN; PREPARE claim(int, bigint, text, bigint, text, int{}) AS {};"
                                    "EXPLAIN (ANALYZE, BUFFERS, COSTS OFF, TIMING OFF) "
                                    "EXECUTE claim(100, 60000, gen_random_uuid()::text, 20000, '', 100{})",
                                    finished ? "" : ", bigint", claim_sql(queue), finished ? "" : ", 90000")))
      text += row[0].value_or("") + "\n";
    return text;
  }
  static int pages(const std::string& plan) {
    int hit = 0, read = 0;
    const auto line = plan.substr(plan.find("Buffers: shared"));
    const auto end = line.substr(0, line.find('\n'));
    if (const auto at = end.find("hit="); at != std::string::npos) hit = std::stoi(end.substr(at + 4));
    if (const auto at = end.find("read="); at != std::string::npos) read = std::stoi(end.substr(at + 5));
    return hit + read;
  }

  TestDatabase database_;
  Database& db_ = database_.db();
  ClaimTurns turns_;
  int kinds_ = 0;
};

TEST_F(FairClaims, AFloodOfOneCustomerDoesNotKeepAnotherWaiting) {
  add({.count = 20'000});
  EXPECT_EQ(claim().size(), 100U);
  EXPECT_TRUE(turns_.more);
  add({.customer = "'b'", .age = "interval '0'"});  // later than all of these
  auto next = by_customer(claim());
  EXPECT_EQ(next["b"], 1);
  EXPECT_EQ(next["a"], 99) << "nobody waits for nothing";
  add({.customer = "'b'", .age = "interval '0'"});
  EXPECT_EQ(by_customer(claim({.limit = 2}))["b"], 1) << "nor does it where a claim holds little";
  add({.customer = "'b'", .age = "interval '0'"});
  EXPECT_EQ(by_customer(claim({.limit = 1}))["b"] + by_customer(claim({.limit = 1}))["b"], 1);
}

TEST_F(FairClaims, TakesTheOldestOfACustomerFirst) {
  add({.count = 50});
  const auto taken = claim({.limit = 3});
  ASSERT_EQ(taken.size(), 3U);
  EXPECT_EQ(taken[0].run_id, "r1-50");
  EXPECT_EQ(taken[1].run_id, "r1-49");
  EXPECT_EQ(taken[2].run_id, "r1-48");
}

TEST_F(FairClaims, ManyCustomersTakeTurns) {
  add({.count = 750, .customer = "'c' || n % 250"});
  std::map<std::string, int> taken;
  for (int i = 0; i < 25; ++i) {
    for (const auto& [customer, runs] : by_customer(claim({.limit = 10}))) taken[customer] += runs;
  }
  EXPECT_EQ(taken.size(), 250U) << "everybody had one turn before anybody had two";
  int rest = 0;
  for (auto some = claim({.limit = 10}); !some.empty(); some = claim({.limit = 10}))
    rest += static_cast<int>(some.size());
  EXPECT_EQ(rest, 500);
}

TEST_F(FairClaims, LongRunsDoNotStandBeforeShortOnes) {
  add({.count = 30, .events = 100'000, .age = "interval '1 day'"});
  add({.count = 10, .customer = "'b'"});
  const auto taken = claim();
  ASSERT_EQ(taken.size(), 11U);
  EXPECT_TRUE(taken.back().is_long()) << "one, and it comes last";
  EXPECT_EQ(by_customer(taken)["b"], 10);
  EXPECT_TRUE(turns_.more);
  for (int left = 29; left > 0; --left) ASSERT_EQ(claim().size(), 1U);
  EXPECT_TRUE(claim().empty());
}

TEST_F(FairClaims, CustomersTakeTurnsWithLongRuns) {
  add({.count = 30, .events = 3'000, .age = "interval '1 day'"});
  add({.customer = "'b'", .events = 3'000});
  EXPECT_EQ(by_customer(claim())["b"] + by_customer(claim())["b"], 1);
}

TEST_F(FairClaims, AFloodOfFinishedRunsDoesNotKeepStalledOnesWaiting) {
  add({.count = 5'000, .age = "interval '1 day'"});
  add({.count = 30, .finished = false});
  const auto taken = claim();
  EXPECT_EQ(taken.size(), 125U);
  EXPECT_EQ(stalled(taken), 25);
  EXPECT_TRUE(turns_.more_stalled);
  EXPECT_EQ(stalled(claim()), 5);
  EXPECT_FALSE(turns_.more_stalled);
}

TEST_F(FairClaims, AFloodOfStalledRunsDoesNotKeepFinishedOnesWaiting) {
  add({.count = 5'000, .finished = false, .age = "interval '1 day'"});
  EXPECT_EQ(stalled(claim()), 100);
  add({.count = 60, .age = "interval '0'"});
  const auto taken = claim();
  EXPECT_EQ(taken.size(), 100U);
  EXPECT_EQ(stalled(taken), 40);
}

TEST_F(FairClaims, CustomersTakeTurnsWithStalledRuns) {
  add({.count = 5'000, .finished = false, .age = "interval '1 day'"});
  add({.customer = "'b'", .finished = false});
  EXPECT_EQ(by_customer(claim())["b"], 1);
}

TEST_F(FairClaims, AStalledRunIsFoundAmongCustomersThatGoOn) {
  add({.count = 5'000, .customer = "'c' || n", .finished = false, .age = "interval '-10 minutes'"});
  add({.customer = "'c7' || repeat('x', 3)", .finished = false});
  add({.customer = "'c4999y'", .finished = false});
  std::set<std::string> found;
  for (int looks = 0; looks < 3; ++looks) {  // each walks some thousands of customers
    for (const auto& run : claim()) found.insert(run.customer_id);
  }
  EXPECT_EQ(found, (std::set<std::string>{"c7xxx", "c4999y"}));
}

TEST_F(FairClaims, AClaimUsesItsIndexAndCostsTheSameWhateverWaits) {
  const std::vector<std::pair<Queue, std::string>> queues{{Queue::finished_short, "runs_finished_short"},
                                                          {Queue::finished_long, "runs_finished_long"},
                                                          {Queue::stalled_short, "runs_open_short"},
                                                          {Queue::stalled_long, "runs_open_long"}};
  const auto fill = [&](int count) {
    add({.count = count});
    add({.count = count, .customer = "'b' || n % 20"});
    add({.count = count, .events = 3'000});
    add({.count = count, .finished = false});
    add({.count = count, .events = 3'000, .finished = false});
    database_.exec("ANALYZE runs");
  };
  add({.count = 3'000});  // one customer, all of whose runs wait: what the planner expects is furthest from the truth
  database_.exec("ANALYZE runs");
  EXPECT_EQ(plan(Queue::finished_short).find("Seq Scan on runs"), std::string::npos) << plan(Queue::finished_short);
  fill(500);
  std::map<Queue, int> few;
  for (const auto& [queue, index] : queues) few[queue] = pages(plan(queue));
  fill(10'000);
  for (const auto& [queue, index] : queues) {
    const auto now = plan(queue);
    EXPECT_NE(now.find("using " + index), std::string::npos) << now;
    EXPECT_EQ(now.find("Seq Scan on runs"), std::string::npos) << now;
    EXPECT_LE(pages(now), few[queue] * 2) << now;  // twenty times as many runs wait; an index may be a level higher
  }
}

}  // namespace
}  // namespace dunetrace::store
