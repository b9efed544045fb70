#include "store/issue_fold.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <random>
#include <set>

namespace dunetrace::store {
namespace {

using Types = std::vector<std::string>;

// Runs of one agent, one a minute; any of them may be judged again.
class IssueFold : public ::testing::Test {
 protected:
  struct Run {
    int number;
    Look look;
  };

  void first(const Types& found, Types unjudged = {}) { join(next_++, {++minute_, found, std::move(unjudged), false}); }
  void again(int number, const Types& found, Types unjudged = {}) {
    leave(number);
    join(number, {++minute_, found, std::move(unjudged), false});
  }
  void join(int number, Look look) {
    append(issues_, look);
    runs_.push_back({number, std::move(look)});
  }
  // Some of its neighbours are known, the others may be asked about.
  void leave(int number) {
    const auto run = std::ranges::find(runs_, number, &Run::number);
    const auto look = run->look;
    const auto at = static_cast<std::size_t>(runs_.erase(run) - runs_.begin());
    take_out(issues_, look, beside(at, known_), [&](const std::string& type, Side side, bool to_affected) {
      ++asked_;
      return way(at, type, side, to_affected);
    });
  }
  Beside beside(std::size_t at, std::size_t most) const {
    Beside found;
    for (auto i = at; i > 0 && found.before.size() < most; --i) found.before.push_back(runs_[i - 1].look);
    for (auto i = at; i < runs_.size() && found.after.size() < most; ++i) found.after.push_back(runs_[i].look);
    found.all_before = found.before.size() == at;
    found.all_after = found.after.size() == runs_.size() - at;
    return found;
  }
  Walk way(std::size_t at, const std::string& type, Side side, bool to_affected) const {
    Walk walk;
    const auto all = beside(at, runs_.size());
    for (const auto& look : side == Side::before ? all.before : all.after) {
      if (std::ranges::count(look.found, type) > 0) {
        walk.affected_us = look.at_us;
        break;
      }
      if (!look.nothing_judged && std::ranges::count(look.unjudged, type) == 0) walk.clean_us.push_back(look.at_us);
    }
    const auto fewer = walk.clean_us.size() > 5 ? walk.clean_us.end() - 5 : walk.clean_us.begin();
    if (side == Side::before && to_affected)
      walk.clean_us.erase(walk.clean_us.begin(), fewer);
    else
      walk.clean_us.resize(std::min<std::size_t>(walk.clean_us.size(), 5));
    return walk;
  }

  std::string state(const std::string& type = "A") const { return state(issues_, type); }
  static std::string state(const Issues& issues, const std::string& type) {
    const auto found = issues.find(type);
    if (found == issues.end()) return "none";
    const auto& i = found->second;
    static const char* const kNames[] = {"open", "resolved", "reopened"};
    return std::string(kNames[static_cast<int>(i.status)]) + " " + std::to_string(i.affected_runs) + " affected " +
           std::to_string(i.clean_runs_since) + " clean, seen " + std::to_string(i.first_seen_us) + "-" +
           std::to_string(i.last_seen_us) +
           (i.resolved_at_us == 0 ? "" : ", resolved " + std::to_string(i.resolved_at_us));
  }

  // Spec pipeline.md 2 written down once more.
  static std::string specified(const std::vector<Run>& runs, const std::string& type) {
    std::string status = "none", resolved;
    std::int64_t seen_first = 0, seen_last = 0;
    int affected = 0, clean = 0;
    for (const auto& [number, look] : runs) {
      if (std::ranges::count(look.found, type) > 0) {
        if (affected++ == 0) seen_first = look.at_us;
        if (status == "none") status = "open";
        if (status == "resolved") status = "reopened";
        seen_last = look.at_us;
        clean = 0;
        resolved.clear();
      } else if (status != "none" && status != "resolved" && !look.nothing_judged &&
                 std::ranges::count(look.unjudged, type) == 0 && ++clean == 5) {
        status = "resolved";
        resolved = ", resolved " + std::to_string(look.at_us);
      }
    }
    if (status == "none") return status;
    return status + " " + std::to_string(affected) + " affected " + std::to_string(clean) + " clean, seen " +
           std::to_string(seen_first) + "-" + std::to_string(seen_last) + resolved;
  }

  Issues issues_;
  std::vector<Run> runs_;  // in their order
  int next_ = 1, minute_ = 0, asked_ = 0;
  std::size_t known_ = 6;
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

TEST_F(IssueFold, ARunIsCountedOnceHoweverOftenItIsJudged) {
  first({"A"});
  first({});
  for (int i = 0; i < 9; ++i) again(2, {});
  EXPECT_EQ(state(), "open 1 affected 1 clean, seen 1-1");
  again(1, {"A"});
  EXPECT_EQ(state(), "open 1 affected 0 clean, seen 12-12");
}

TEST_F(IssueFold, WhatAnEarlierLookSaidIsTakenBack) {
  first({"A"});
  for (int i = 0; i < 5; ++i) first({});
  EXPECT_EQ(state(), "resolved 1 affected 5 clean, seen 1-1, resolved 6");
  again(3, {"A"});
  EXPECT_EQ(state(), "open 2 affected 0 clean, seen 1-7") << "it was never clean five times";
  for (int i = 0; i < 5; ++i) first({});
  first({"A"});
  EXPECT_EQ(state(), "reopened 3 affected 0 clean, seen 1-13");
  again(12, {});  // the one that reopened it
  EXPECT_EQ(state(), "resolved 2 affected 5 clean, seen 1-7, resolved 12");
}

TEST_F(IssueFold, AnIssueThatAffectsNobodyIsGoneAndOpensAnew) {
  first({"A"});
  again(1, {"B"});
  EXPECT_EQ(state(), "none");
  EXPECT_EQ(state("B"), "open 1 affected 0 clean, seen 2-2");
  first({});
  again(2, {"A"});
  EXPECT_EQ(state(), "open 1 affected 0 clean, seen 4-4");
  for (int i = 0; i < 5; ++i) first({});
  again(2, {});
  EXPECT_EQ(state(), "none") << "a resolved one as well";
}

TEST_F(IssueFold, ARunThatCouldNotBeLookedAtIsNeitherAffectedNorClean) {
  first({"A", "B"});
  first({}, {"A"});
  EXPECT_EQ(state("A"), "open 1 affected 0 clean, seen 1-1");
  EXPECT_EQ(state("B"), "open 1 affected 1 clean, seen 1-1");
  leave(2);
  EXPECT_EQ(state("A"), "open 1 affected 0 clean, seen 1-1");
  EXPECT_EQ(state("B"), "open 1 affected 0 clean, seen 1-1");
  join(2, {7, {}, {}, true});
  EXPECT_EQ(state("B"), "open 1 affected 0 clean, seen 1-1");
}

TEST_F(IssueFold, AsksOnlyForWhatTheNeighboursDoNotTell) {
  first({"A"});
  for (int i = 0; i < 9; ++i) first({});
  first({"A"});
  again(5, {"B"});
  EXPECT_EQ(state(), "reopened 2 affected 1 clean, seen 1-11");
  EXPECT_EQ(asked_, 0);
  again(11, {});
  EXPECT_EQ(state(), "resolved 1 affected 5 clean, seen 1-1, resolved 7") << "of runs 2 to 7 without 5";
  EXPECT_EQ(asked_, 1) << "which run was the last affected one before?";
}

TEST_F(IssueFold, WhatARunSaysIsASet) {
  const Look look{1, {"A", "B"}, {"C"}, false};
  EXPECT_TRUE(look.says_the_same({2, {"B", "A"}, {"C", "C"}, false}));
  EXPECT_FALSE(look.says_the_same({1, {"A"}, {"C"}, false}));
  EXPECT_FALSE(look.says_the_same({1, {"A", "B"}, {}, false}));
  EXPECT_FALSE(look.says_the_same({1, {"A", "B"}, {"C"}, true}));
}

// However the runs came to what they are known for now, the issues are those of a fold over them in their order.
TEST_F(IssueFold, EqualsAFoldOverTheOrder) {
  for (const unsigned rarity : {2U, 3U, 6U, 12U, 30U}) {
    std::mt19937 random(rarity);
    issues_.clear();
    runs_.clear();
    next_ = 1;
    for (int judgement = 0; judgement < 4000; ++judgement) {
      const auto some = [&](unsigned one_in) {
        Types types;
        for (const auto* type : {"A", "B", "C"})
          if (random() % one_in == 0) types.emplace_back(type);
        return types;
      };
      known_ = random() % 7;
      const auto found = some(rarity);
      const auto unjudged = random() % 10 == 0 ? some(2) : Types();
      if (next_ < 5 || (next_ < 90 && random() % 4 == 0))
        first(found, unjudged);
      else if (random() % 40 == 0)
        runs_.size() > 3 ? leave(runs_[random() % runs_.size()].number) : void();
      else
        again(runs_[random() % runs_.size()].number, found, unjudged);
      for (const auto* type : {"A", "B", "C"})
        ASSERT_EQ(state(type), specified(runs_, type)) << "after " << judgement << ", 1 in " << rarity;
    }
  }
  EXPECT_GT(asked_, 1000);
}

}  // namespace
}  // namespace dunetrace::store
