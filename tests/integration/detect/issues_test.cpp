// Issues under everything that can happen to judged runs, compared with a fold over what the runs say (spec/pipeline.md
// 2).
#include <gtest/gtest.h>

#include <list>
#include <map>
#include <random>
#include <set>

#include "store/run_results.hpp"
#include "testing/postgres.hpp"

namespace dunetrace::store {
namespace {

using dunetrace::testing::TestDatabase;
using Types = std::set<std::string>;

constexpr auto kClaim = "00000000-0000-0000-0000-000000000001";
constexpr unsigned kRuns = 400;

// What is to be remembered of each run, as a test does it: in a list, and folded anew every time.
struct Known {
  std::string run, agent;  // each with its customer
  Types live, shadow, unjudged;
  bool left_alone = false;
};

class IssuesTest : public ::testing::Test {
 protected:
  IssuesTest() {
    database_.exec(
        "INSERT INTO runs (customer_id, run_id, agent_id, agent_version, first_step, first_timestamp, max_step,"
        " event_count, first_received_at, last_received_at)"
        " SELECT c, 'r' || i, 'a', 'v', 0, 1, 1, 1, now(), now() FROM unnest(ARRAY['c', 'd']) c, generate_series(1, " +
        std::to_string(kRuns) + ") i");
  }

  bool one_in(unsigned n) { return random_() % n == 0; }
  Types some(std::initializer_list<std::pair<const char*, unsigned>> types) {
    Types found;
    for (const auto& [type, n] : types)
      if (one_in(n)) found.insert(type);
    return found;
  }

  RunResult some_result(const std::string& customer, const std::string& run) {
    RunResult result;
    result.run = {customer, run, kClaim, "a", "v", "completed", 0, 0, 1};
    result.agent_id = one_in(12) ? "b" : "a";
    result.agent_version = "v";
    if (one_in(25)) {
      result.nothing_to_judge = true;
      result.incomplete = R"([{"detector":"host"}])";
      return result;
    }
    for (const auto& type : some({{"OFTEN", 3}, {"NOW_AND_THEN", 9}, {"SELDOM", 250}, {"FAILING", 20}})) {
      Signal signal;
      signal.failure_type = type;
      signal.evidence = "{}";
      signal.shadow = one_in(10);
      result.signals.push_back(signal);
    }
    // For a while nobody can look for one of them.
    auto unjudged = judgements_ / 150 % 2 == 1 ? Types{"FAILING"} : some({{"OFTEN", 30}, {"SELDOM", 30}});
    for (const auto& signal : result.signals) unjudged.erase(signal.failure_type);
    result.unjudged_types.assign(unjudged.begin(), unjudged.end());
    if (!unjudged.empty()) result.incomplete = R"([{"detector":"odd"}])";
    return result;
  }

  void write(std::vector<RunResult> results) {
    std::string runs;
    for (const auto& result : results) {
      runs += (runs.empty() ? "('" : "'), ('") + result.run.customer_id + "', '" + result.run.run_id;
      remember(result);
    }
    database_.exec("UPDATE runs SET claim = '" + std::string(kClaim) + "' WHERE (customer_id, run_id) IN (" + runs +
                   "'))");
    judgements_ += static_cast<int>(results.size());
    const auto written = write_results(database_.db(), results, usual_, [](const auto&) { return false; });
    ASSERT_TRUE(written) << written.error().text;
    ASSERT_EQ(written->places.size(), results.size());
  }

  // A run that says the same as before keeps its place; any other comes last.
  void remember(const RunResult& result) {
    const auto run = result.run.customer_id + result.run.run_id;
    const auto earlier = std::ranges::find(known_, run, &Known::run);
    Known now{run, result.run.customer_id + result.agent_id, {}, {}, {}, result.nothing_to_judge};
    if (now.left_alone) {
      if (earlier == known_.end()) known_.push_back(now);
      return;
    }
    for (const auto& signal : result.signals) (signal.shadow ? now.shadow : now.live).insert(signal.failure_type);
    now.unjudged.insert(result.unjudged_types.begin(), result.unjudged_types.end());
    if (earlier != known_.end()) {
      for (const auto& type : now.unjudged) {
        if (earlier->live.contains(type)) now.live.insert(type);
        if (earlier->shadow.contains(type)) now.shadow.insert(type);
      }
      const bool same = earlier->agent == now.agent && earlier->live == now.live && earlier->unjudged == now.unjudged &&
                        !earlier->left_alone;
      if (same) {
        earlier->shadow = now.shadow;
        ++same_;
        return;
      }
      moved_ += earlier->agent != now.agent ? 1 : 0;
      known_.erase(earlier);
    }
    known_.push_back(now);
  }

  // customer + agent + type → the row, with runs for times.
  std::map<std::string, std::string> folded() const {
    struct Row {
      std::string status, first, last, resolved;
      int affected = 0, clean = 0;
    };
    std::map<std::string, std::map<std::string, Row>> agents;
    for (const auto& run : known_) {
      if (run.left_alone) continue;
      auto& issues = agents[run.agent];
      for (const auto& type : run.live) {
        auto& row = issues[type];
        row.status = row.affected == 0 ? "open" : row.status == "resolved" ? "reopened" : row.status;
        if (row.affected++ == 0) row.first = run.run;
        row.last = run.run;
        row.resolved.clear();
        row.clean = 0;
      }
      for (auto& [type, row] : issues) {
        if (run.live.contains(type) || run.unjudged.contains(type) || row.status == "resolved" || ++row.clean < 5)
          continue;
        row.status = "resolved";
        row.resolved = run.run;
      }
    }
    std::map<std::string, std::string> rows;
    for (const auto& [agent, issues] : agents)
      for (const auto& [type, row] : issues)
        rows[agent + ' ' + type] = row.status + ' ' + std::to_string(row.affected) + " affected " +
                                   std::to_string(row.clean) + " clean " + row.first + '-' + row.last + ' ' +
                                   row.resolved;
    return rows;
  }
  std::map<std::string, std::string> stored() {
    const std::string when =
        "(SELECT customer_id || run_id FROM processed_runs p WHERE p.customer_id = i.customer_id"
        " AND p.agent_id = i.agent_id AND p.processed_at = i.";
    std::map<std::string, std::string> rows;
    for (const auto& row : database_.rows(
             "SELECT customer_id || agent_id || ' ' || failure_type, concat(status, ' ', affected_runs, ' affected ',"
             " clean_runs_since, ' clean ', " +
             when + "first_seen), '-', " + when + "last_seen), ' ', " + when + "resolved_at)) FROM issues i"))
      rows[*row[0]] = *row[1];
    return rows;
  }

  TestDatabase database_;
  Usual usual_;
  std::list<Known> known_;  // in the order of their places
  std::mt19937 random_{11};
  int judgements_ = 0, same_ = 0, moved_ = 0;
};

TEST_F(IssuesTest, AreAFoldOverWhatTheRunsSay) {
  while (judgements_ < 2400) {
    std::map<std::string, RunResult> batch;  // a run is in it once
    for (auto most = 1 + random_() % 25; most > 0; --most) {
      const std::string customer = one_in(3) ? "d" : "c";
      const auto run = "r" + std::to_string(1 + random_() % kRuns);
      batch.insert_or_assign(customer + run, some_result(customer, run));
    }
    std::vector<RunResult> results;
    for (auto& [key, result] : batch) results.push_back(std::move(result));
    std::ranges::shuffle(results, random_);
    write(std::move(results));
    if (HasFatalFailure()) return;
    ASSERT_EQ(stored(), folded()) << "after " << judgements_ << " judgements";
  }
  EXPECT_GT(same_, 50);
  EXPECT_GT(moved_, 50);
  EXPECT_EQ(database_.scalar("SELECT count(*) FROM (SELECT FROM processed_runs GROUP BY customer_id, agent_id,"
                             " processed_at HAVING count(*) > 1) AS t"),
            "0");
  EXPECT_EQ(database_.scalar("SELECT count(*) FROM failure_signals s JOIN processed_runs p USING (customer_id, run_id)"
                             " WHERE s.processed_at <> p.processed_at AND s.withdrawn_at IS NULL"),
            "0");
}

// The runs around it tell neither which run was affected before nor after.
TEST_F(IssuesTest, FarFromTheNextAffectedRun) {
  const auto look = [&](int run, bool affected, bool judged = true) {
    RunResult result;
    result.run = {"c", "r" + std::to_string(run), kClaim, "a", "v", "completed", 0, 0, 1};
    result.agent_id = "a";
    result.agent_version = "v";
    if (!judged) result.unjudged_types = {"RARE"};
    if (!judged) result.incomplete = R"([{"detector":"odd"}])";
    if (affected) {
      result.signals.emplace_back().failure_type = "RARE";
      result.signals.back().evidence = "{}";
    }
    write({result});
    EXPECT_EQ(stored(), folded()) << run;
  };
  for (int run = 1; run <= 300; ++run) look(run, run % 100 == 0, run < 110 || run > 130);
  look(300, false);
  look(100, false);
  look(200, true);
  for (int run = 110; run <= 130; ++run) look(run, run == 120);
  look(200, false);
  look(120, false);
  EXPECT_TRUE(stored().empty());
}

}  // namespace
}  // namespace dunetrace::store
