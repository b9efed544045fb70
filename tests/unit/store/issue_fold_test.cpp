#include "store/issue_fold.hpp"

#include <gtest/gtest.h>

#include <random>

namespace dunetrace::store {
namespace {

using Types = std::set<std::string>;

class IssueFold : public ::testing::Test {
 protected:
  // First looks and second looks, one a minute.
  void first(const Types& found, std::vector<std::string> unknown = {}) {
    judge_run(issues_, {true, {}, found, std::move(unknown), time()});
  }
  void again(const Types& before, const Types& after) { judge_run(issues_, {false, before, after, {}, time()}); }
  std::string time() { return std::to_string(++minute_); }
  std::string state(const std::string& type = "A") const {
    const auto found = issues_.find(type);
    if (found == issues_.end()) return "none";
    const auto& i = found->second;
    static const char* const kNames[] = {"open", "resolved", "reopened"};
    return std::string(kNames[static_cast<int>(i.status)]) + " " + std::to_string(i.affected_runs) + " affected " +
           std::to_string(i.clean_runs_since) + " clean, seen " + i.first_seen + "-" + i.last_seen +
           (i.resolved_at.empty() ? "" : ", resolved " + i.resolved_at);
  }
  Issues issues_;
  int minute_ = 0;
};

TEST_F(IssueFold, OpensCountsResolvesAndReopens) {
  first({"A"});
  EXPECT_EQ(state(), "open 1 affected 0 clean, seen 1-1");
  for (int i = 0; i < 4; ++i) first({});
  EXPECT_EQ(state(), "open 1 affected 4 clean, seen 1-1");
  first({"B"});
  EXPECT_EQ(state(), "resolved 1 affected 5 clean, seen 1-1, resolved 6") << "clean of A, whatever else";
  first({});
  EXPECT_EQ(state(), "resolved 1 affected 5 clean, seen 1-1, resolved 6") << "resolved ones are left alone";
  first({"A"});
  EXPECT_EQ(state(), "reopened 2 affected 0 clean, seen 1-8");
  first({"A"});
  EXPECT_EQ(state(), "reopened 3 affected 0 clean, seen 1-9");
  for (int i = 0; i < 5; ++i) first({});
  EXPECT_EQ(state(), "resolved 3 affected 5 clean, seen 1-9, resolved 14");
}

TEST_F(IssueFold, ARunThatFiresBeginsTheCleanRunsAnew) {
  first({"A"});
  for (int i = 0; i < 4; ++i) first({});
  first({"A"});
  for (int i = 0; i < 4; ++i) first({});
  EXPECT_EQ(state(), "open 2 affected 4 clean, seen 1-6");
}

TEST_F(IssueFold, ASecondLookThatFindsNothingNewChangesNothing) {
  first({"A"});
  first({});
  const auto before = issues_;
  again({"A"}, {"A"});
  again({}, {});
  EXPECT_EQ(issues_, before);
}

TEST_F(IssueFold, ATypeNewlyFoundInAKnownRunCountsAsIfItHadJustHappened) {
  first({"A"});
  for (int i = 0; i < 3; ++i) first({});
  again({}, {"A"});
  EXPECT_EQ(state(), "open 2 affected 0 clean, seen 1-5");
  again({}, {"B"});
  EXPECT_EQ(state("B"), "open 1 affected 0 clean, seen 6-6");
  EXPECT_EQ(state(), "open 2 affected 0 clean, seen 1-5") << "and is no clean run for the others";
  for (int i = 0; i < 5; ++i) first({});
  again({}, {"A"});
  EXPECT_EQ(state(), "reopened 3 affected 0 clean, seen 1-12");
}

TEST_F(IssueFold, AWithdrawnTypeAffectsOneRunLess) {
  first({"A"});
  first({"A"});
  first({});
  again({"A"}, {});
  EXPECT_EQ(state(), "open 1 affected 1 clean, seen 1-2");
}

TEST_F(IssueFold, AnIssueThatAffectsNobodyIsGoneAndOpensAnew) {
  first({"A"});
  again({"A"}, {"B"});
  EXPECT_EQ(state(), "none");
  EXPECT_EQ(state("B"), "open 1 affected 0 clean, seen 2-2");
  first({});
  EXPECT_EQ(state(), "none");
  again({}, {"A"});
  EXPECT_EQ(state(), "open 1 affected 0 clean, seen 4-4");
  for (int i = 0; i < 5; ++i) first({});
  again({"A"}, {});
  EXPECT_EQ(state(), "none") << "a resolved one as well";
}

TEST_F(IssueFold, ARunThatCouldNotBeLookedAtIsNeitherAffectedNorClean) {
  first({"A", "B"});
  first({}, {"A"});
  EXPECT_EQ(state("A"), "open 1 affected 0 clean, seen 1-1");
  EXPECT_EQ(state("B"), "open 1 affected 1 clean, seen 1-1");
}

TEST_F(IssueFold, AWithdrawalThatNoIssueKnowsOfIsNoHarm) {
  again({"A"}, {});
  EXPECT_EQ(state(), "none");
}

// However a run came to what it is known for now, affected_runs is the number of runs that are known for the type.
TEST_F(IssueFold, AffectedRunsAreThoseThatStand) {
  std::mt19937 random(3);
  std::map<unsigned, Types> known;
  for (int judgement = 0; judgement < 5000; ++judgement) {
    const auto run = static_cast<unsigned>(random() % 60);
    Types now;
    for (const auto* type : {"A", "B", "C"})
      if (random() % 3 == 0) now.insert(type);
    const auto found = known.find(run);
    if (found == known.end())
      first(now);
    else
      again(found->second, now);
    known[run] = now;
    for (const auto& [type, issue] : issues_) {
      const auto affected = std::ranges::count_if(known, [&](const auto& one) { return one.second.contains(type); });
      ASSERT_EQ(issue.affected_runs, affected);
      ASSERT_EQ(issue.status == IssueStatus::resolved, !issue.resolved_at.empty());
      ASSERT_GT(issue.affected_runs, 0);
    }
  }
}

// Spec pipeline.md 2 written down once more, for runs that are judged once.
TEST_F(IssueFold, EqualsTheSpecificationForFirstLooks) {
  struct Row {
    std::string status;
    int affected, clean;
  };
  std::map<std::string, Row> rows;
  std::mt19937 random(5);
  for (int run = 0; run < 3000; ++run) {
    Types found;
    for (const auto* type : {"A", "B", "C"})
      if (random() % 6 == 0) found.insert(type);
    for (const auto& type : found) {
      const auto at = rows.find(type);
      if (at == rows.end()) {
        rows[type] = {"open", 1, 0};
        continue;
      }
      if (at->second.status == "resolved") at->second.status = "reopened";
      ++at->second.affected;
      at->second.clean = 0;
    }
    for (auto& [type, row] : rows) {
      if (row.status == "resolved" || found.contains(type)) continue;
      if (++row.clean == 5) row.status = "resolved";
    }
    first(found);
    for (const auto& [type, row] : rows) {
      ASSERT_TRUE(state(type).starts_with(row.status + " " + std::to_string(row.affected) + " affected " +
                                          std::to_string(row.clean) + " clean"))
          << state(type);
    }
    ASSERT_EQ(rows.size(), issues_.size());
  }
}

}  // namespace
}  // namespace dunetrace::store
