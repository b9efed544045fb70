#include "backtest/backtest.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "backtest/report.hpp"
#include "recordings.hpp"
#include "testing/temp_dir.hpp"
#include "testing/test_log.hpp"

namespace dunetrace::backtest {
namespace {

using dunetrace::testing::TempDir;
using dunetrace::testing::TestLog;
using dunetrace::testing::write_file;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr double kDay = 86'400;
constexpr double kStart = 1'767'225'600;  // midnight

class Backtest : public ::testing::Test {
 protected:
  static const plugin::Registry& registry() {
    static TestLog log;
    static const auto loaded = plugin::Registry::load(DUNE_BINARY_DIR "/lib/dunetrace/plugins", {}, log.logger());
    return loaded.value();
  }
  static config::DetectorsConfig config(std::string_view text) {
    return config::DetectorsFile::parse(text, "detectors.yml")->resolve(registry().schemas(), {}).value();
  }
  Result<Report> run(std::string_view runs, std::string_view current, std::string_view proposed,
                     Options options = {.threads = 2}) {
    write_file(dir_ / "runs.ndjson", runs);
    auto source = FileSource::open(dir_ / "runs.ndjson", {});
    const auto now = config(current), would = config(proposed);
    return backtest(*source, {registry(), now}, {registry(), would}, options, log_.logger());
  }
  static const Comparison& row(const Report& report, std::string_view type = "TOOL_LOOP") {
    return *std::ranges::find(report.rows, type, &Comparison::failure_type);
  }
  static std::vector<std::string> ids(const std::vector<RunName>& runs) {
    std::vector<std::string> out;
    for (const auto& each : runs) out.push_back(each.run_id);
    return out;
  }
  TempDir dir_;
  TestLog log_;
};

TEST_F(Backtest, NamesTheRunsThatAChangedThresholdSilences) {
  const auto report = run(testing::looping_run("c", 5) + testing::looping_run("b", 9) + testing::looping_run("a", 3) +
                              testing::looping_run("d", 6),
                          "", "default: {tool_loop: {window: 6, threshold: 6}}")
                          .value();
  const auto& loop = row(report);
  EXPECT_EQ(report.runs, 4U);
  EXPECT_EQ(report.events, 31U);
  EXPECT_EQ(loop.detector, "tool_loop");
  EXPECT_EQ(loop.fires_now, 3U);
  EXPECT_EQ(loop.fires_would, 2U);
  EXPECT_THAT(ids(loop.silenced), ElementsAre("c"));
  EXPECT_EQ(loop.silenced[0].agent_id, "shop");
  EXPECT_TRUE(loop.newly.empty());
  EXPECT_EQ(report.silenced, 1U);
  EXPECT_EQ(report.newly, 0U);
}

TEST_F(Backtest, NamesTheRunsThatNewlyFireInTheOrderOfTheirIds) {
  const auto report = run(testing::looping_run("z", 3) + testing::looping_run("m", 4) + testing::looping_run("x", 1),
                          "", "default: {tool_loop: {window: 3, threshold: 3}}")
                          .value();
  EXPECT_THAT(ids(row(report).newly), ElementsAre("m", "z"));
  EXPECT_EQ(report.newly, 2U);
}

TEST_F(Backtest, CountsAlertsPerDayOfWhatIsLive) {
  const auto runs = testing::looping_run("a", 5, "shop", kStart) + testing::looping_run("b", 5, "shop", kStart + 60) +
                    testing::looping_run("c", 5, "shop", kStart + 3 * kDay);
  const auto report = run(runs, "default: {tool_loop: {shadow: true}}", "").value();
  EXPECT_EQ(report.days, 2U) << "days with runs, not the time between them";
  EXPECT_EQ(row(report).now, State::shadow);
  EXPECT_EQ(row(report).would, State::live);
  EXPECT_EQ(row(report).fires_now, 3U);
  EXPECT_EQ(row(report).alerts_now, 0U);
  EXPECT_EQ(row(report).alerts_would, 3U);
  EXPECT_TRUE(row(report).newly.empty()) << "it fires in both";
}

TEST_F(Backtest, ADetectorThatIsSwitchedOffIsSilent) {
  const auto report = run(testing::looping_run("a", 5), "", "default: {tool_loop: {enabled: false}}").value();
  EXPECT_EQ(row(report).would, State::off);
  EXPECT_THAT(ids(row(report).silenced), ElementsAre("a"));
  const auto back = run(testing::looping_run("a", 5), "default: {tool_loop: {enabled: false}}", "").value();
  EXPECT_THAT(ids(row(back).newly), ElementsAre("a"));
}

TEST_F(Backtest, FollowsTheSectionsOfAgents) {
  const auto runs = testing::looping_run("a", 5, "shop") + testing::looping_run("b", 5, "web-1");
  const auto report =
      run(runs, "", "categories: {calm: [\"web-*\"]}\ncalm: {tool_loop: {window: 9, threshold: 9}}").value();
  EXPECT_THAT(ids(row(report).silenced), ElementsAre("b"));
}

TEST_F(Backtest, LeavesOutOtherAgentsAndOlderRuns) {
  const auto runs = testing::looping_run("a", 5, "shop", kStart) + testing::looping_run("b", 5, "web", kStart) +
                    testing::looping_run("c", 5, "shop", kStart + 10 * kDay);
  const auto shop = run(runs, "", "", {.threads = 2, .agent = "shop"}).value();
  EXPECT_EQ(shop.runs, 2U);
  EXPECT_EQ(shop.other_agents, 1U);
  const auto recent = run(runs, "", "", {.threads = 2, .last_seconds = 7 * kDay}).value();
  EXPECT_EQ(recent.runs, 1U);
  EXPECT_EQ(recent.older, 2U);
}

TEST_F(Backtest, ARunThatComesAgainCountsOnce) {
  const auto report = run(testing::looping_run("a", 5) + testing::looping_run("b", 1) + testing::looping_run("a", 5),
                          "", "default: {tool_loop: {enabled: false}}")
                          .value();
  EXPECT_EQ(report.runs, 2U);
  EXPECT_EQ(row(report).fires_now, 1U);
  ASSERT_EQ(report.skipped_count, 1U);
  EXPECT_EQ(report.skipped[0].where, "line 3");
  EXPECT_THAT(report.skipped[0].reason, HasSubstr("line 1"));
}

TEST_F(Backtest, GivesTheSameBytesWithAnyNumberOfThreads) {
  std::string runs;
  for (int i = 0; i < 5000; ++i) {
    runs += i % 97 == 0 ? "{oops\n" : testing::looping_run("run-" + std::to_string(i * 7919 % 4000), i % 11);
  }
  const auto once = to_json(run(runs, "", "default: {tool_loop: {window: 7}}", {.threads = 1}).value(), {});
  for (const unsigned threads : {1U, 2U, 7U}) {
    EXPECT_EQ(to_json(run(runs, "", "default: {tool_loop: {window: 7}}", {.threads = threads}).value(), {}), once);
  }
}

TEST_F(Backtest, KeepsOnlyTheFirstOfWhatIsSkipped) {
  std::string runs = testing::looping_run("a", 1);
  for (int i = 0; i < 250; ++i) runs += "{}\n";
  const auto report = run(runs, "", "").value();
  EXPECT_EQ(report.skipped_count, 250U);
  EXPECT_EQ(report.skipped.size(), kSkippedKept);
}

TEST_F(Backtest, TakesTimesThatNoClockShows) {
  const auto runs = testing::looping_run("a", 5, "shop", 1e300) + testing::looping_run("b", 5, "shop", -1e300);
  EXPECT_EQ(run(runs, "", "").value().days, 2U);
}

TEST_F(Backtest, EndsWithTheErrorOfItsSource) {
  auto packed = testing::gzipped(testing::looping_run("a", 2000));
  const auto report = run(std::string_view(packed).substr(0, packed.size() - 20), "", "");
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, Code::invalid_argument);
}

TEST_F(Backtest, TellsHowFarItIs) {
  std::size_t last = 0;
  const auto report = run(testing::looping_run("a", 5) + testing::looping_run("b", 5), "", "",
                          {.threads = 1, .progress = [&](std::size_t runs) { last = runs; }});
  ASSERT_TRUE(report);
  EXPECT_EQ(last, 2U);
}

}  // namespace
}  // namespace dunetrace::backtest
