#include "backtest/report.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "json/reader.hpp"

namespace dunetrace::backtest {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Report sample() {
  Report report;
  report.runs = 30;
  report.events = 300;
  report.days = 4;
  Comparison row;
  row.detector = "odd_run";
  row.failure_type = "ODD_RUN";
  row.now = State::shadow;
  row.would = State::live;
  row.fires_now = 1;
  row.fires_would = 13;
  row.alerts_would = 13;
  for (int i = 10; i < 23; ++i) row.newly.push_back({"", "run-" + std::to_string(i), "shop"});
  row.silenced.push_back({"acme", "evil\033[2J\n\"id\"", "shop"});
  report.rows.push_back(row);
  report.newly = 13;
  report.silenced = 1;
  report.skipped.assign(7, {"line 3", "is no JSON: \033]0;x\007"});
  report.skipped_count = 9;
  report.failed.push_back({"odd_run", 2, 0, "no memory"});
  return report;
}

TEST(ReportText, HasTheTableAndTheFirstRuns) {
  const auto text = to_text(sample(), {"now.yml", "new.yml", "runs.ndjson"});
  EXPECT_THAT(text, HasSubstr("runs:     runs.ndjson (30 runs, 300 events, 4 days with runs)"));
  EXPECT_THAT(text, HasSubstr("ODD_RUN                      shadow -> live           1         13      13        1   "
                              "0.0 -> 3.2"));
  EXPECT_THAT(text, HasSubstr("    run-19 (shop)\n    … 3 more (--json has all)\n"));
  EXPECT_THAT(text, Not(HasSubstr("run-20")));
  EXPECT_THAT(text, HasSubstr("skipped: 9\n    line 3: is no JSON"));
  EXPECT_THAT(text, HasSubstr("odd_run could not judge 2 runs now, 0 proposed; first: no memory\n"));
  EXPECT_THAT(text, HasSubstr("\n13 newly firing, 1 silenced\n"));
}

TEST(ReportText, LetsNoTerminalSequenceThrough) {
  const auto text = to_text(sample(), {"now.yml", "new.yml", "runs.ndjson"});
  EXPECT_THAT(text, Not(HasSubstr("\033")));
  EXPECT_THAT(text, Not(HasSubstr("\007")));
  EXPECT_THAT(text, HasSubstr("evil[2J \"id\" (shop)"));
}

TEST(ReportText, OfNothingHasNoRates) {
  Report report;
  report.rows.resize(1);
  EXPECT_THAT(to_text(report, {}), HasSubstr("- -> -"));
}

TEST(ReportJson, HasEverything) {
  const auto text = to_json(sample(), {"now.yml", "new.yml", "runs.ndjson"});
  json::Parser parser;
  const auto root = parser.parse(text);
  ASSERT_TRUE(root) << text;
  json::Value row;
  (*root)["detectors"].each_element([&](json::Value each) { row = each; });
  EXPECT_EQ(row["newly_firing"].size(), 13U);
  EXPECT_EQ(row["proposed"]["alerts_per_day"].number(), 3.25);
  EXPECT_EQ(row["current"]["state"].string(), "shadow");
  row["silenced"].each_element([&](json::Value each) {
    EXPECT_EQ(each["run_id"].string(), "evil\033[2J\n\"id\"");
    EXPECT_EQ(each["customer_id"].string(), "acme");
  });
  EXPECT_EQ((*root)["skipped"]["count"].integer(), 9);
  EXPECT_EQ((*root)["skipped"]["first"].size(), 7U);
  EXPECT_EQ((*root)["newly_firing"].integer(), 13);
  EXPECT_TRUE(text.ends_with("}\n"));
}

}  // namespace
}  // namespace dunetrace::backtest
