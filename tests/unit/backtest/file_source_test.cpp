#include "backtest/file_source.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/hash.hpp"
#include "recordings.hpp"
#include "testing/temp_dir.hpp"

namespace dunetrace::backtest {
namespace {

using dunetrace::testing::TempDir;
using dunetrace::testing::write_file;
using ::testing::ElementsAre;
using testing::event;
using ::testing::HasSubstr;

class RecordedFile : public ::testing::Test {
 protected:
  Recorded read(std::string_view content, const FileRules& rules = {}) {
    write_file(dir_ / "runs.ndjson", content);
    auto source = FileSource::open(dir_ / "runs.ndjson", rules);
    return testing::drain(*source).value();
  }
  static std::vector<std::string> ids(const Recorded& recorded) {
    std::vector<std::string> out;
    for (const auto& run : recorded.runs) out.push_back(run.events.run_id);
    return out;
  }
  static std::vector<std::string> skipped(const Recorded& recorded) {
    std::vector<std::string> out;
    for (const auto& each : recorded.skipped) out.push_back(each.where + ": " + each.reason);
    return out;
  }
  static std::string run_of(std::string_view events) { return R"({"events":[)" + std::string(events) + "]}\n"; }
  TempDir dir_;
};

TEST_F(RecordedFile, HoldsOneRunPerLine) {
  const auto got = read(testing::looping_run("a", 2) + "\n" + testing::looping_run("b", 3));
  EXPECT_THAT(ids(got), ElementsAre("a", "b"));
  EXPECT_TRUE(got.skipped.empty());
  ASSERT_EQ(got.runs[1].events.events.size(), 5U);
  const auto& call = got.runs[1].events.events[1];
  EXPECT_EQ(call.kind, EventKind::tool_called);
  EXPECT_EQ(call.type, "tool.called");
  EXPECT_EQ(call.id, 2);
  EXPECT_EQ(call.agent_id, "shop");
  EXPECT_EQ(call.payload, R"({"tool_name":"search","args_hash":"3b7b5a17b6341261"})");
}

TEST_F(RecordedFile, HoldsOneEventPerLine) {
  const auto got = read(testing::as_event_lines("a", 2) + testing::as_event_lines("b", 3));
  EXPECT_THAT(ids(got), ElementsAre("a", "b"));
  EXPECT_EQ(got.runs[0].events.events.size(), 4U);
  EXPECT_EQ(got.runs[1].events.events.size(), 5U);
  EXPECT_EQ(got.runs[1].where, "line 5");
}

TEST_F(RecordedFile, GivesEveryRunOnceWhateverThePiecesAre) {
  std::string text;
  for (int i = 0; i < 3000; ++i) text += testing::looping_run("run-" + std::to_string(i), 5);
  const auto got = read(text);  // several pieces
  ASSERT_EQ(got.runs.size(), 3000U);
  EXPECT_EQ(got.runs[2999].events.run_id, "run-2999");
  text.clear();
  for (int i = 0; i < 3000; ++i) text += testing::as_event_lines("run-" + std::to_string(i), 5);
  const auto events = read(text);
  ASSERT_EQ(events.runs.size(), 3000U);
  for (const auto& run : events.runs) ASSERT_EQ(run.events.events.size(), 7U);
}

TEST_F(RecordedFile, IsReadUnderTheRulesOfIngest) {
  const std::string readable = "eyJxIjoxfQ==";  // {"q":1}
  const auto text = run_of(event("tool.called", "r", 1, R"({"args_hash":")" + readable + R"("})"));
  EXPECT_EQ(read(text).runs[0].events.events[0].payload, R"({"args_hash":")" + hash16(readable) + R"("})");
  EXPECT_EQ(read(text, {.rehash_legacy_fields = false}).runs[0].events.events[0].payload,
            R"({"args_hash":")" + readable + R"("})");
  const auto loose = read(run_of(
      R"({"event_type":"tool.called","run_id":"r","agent_id":"a","agent_version":"v","step_index":"3","timestamp":"7.5"})"));
  ASSERT_EQ(loose.runs.size(), 1U);
  EXPECT_EQ(loose.runs[0].events.events[0].step_index, 3);
  EXPECT_EQ(loose.runs[0].events.events[0].timestamp, 7.5);
  EXPECT_EQ(loose.runs[0].events.events[0].payload, "{}");
}

TEST_F(RecordedFile, GivesEventsWithoutATimeTheLatestOfTheirRun) {
  const auto got =
      read(run_of(event("run.started", "r", 0, "{}", 100) + "," + event("run.completed", "r", 2, "{}", 105) +
                  R"(,{"event_type":"tool.called","run_id":"r","agent_id":"a","agent_version":"v","step_index":1})"));
  EXPECT_EQ(got.runs.at(0).events.events.at(2).timestamp, 105);
}

TEST_F(RecordedFile, GivesOneTextToEqualPayloadsOfRepeats) {
  const auto got =
      read(run_of(event("tool.called", "r", 1, R"({"tool_name":"old","tool_name":"a","n":[{"x":1,"y":2}]})") + "," +
                  event("tool.called", "r", 1, R"({"n":[{"y":2, "x":1}],"tool_name":"a"})") + "," +
                  event("tool.called", "r", 1, R"({"n":[{"y":2,"x":3}],"tool_name":"a"})") + "," +
                  event("tool.called", "r", 2, R"({"n":[{"y":2, "x":1}],"tool_name":"a"})")));
  const auto& events = got.runs.at(0).events.events;
  EXPECT_EQ(events[0].payload, events[1].payload);
  EXPECT_NE(events[0].payload, events[2].payload);
  EXPECT_EQ(events[3].payload, R"({"n":[{"y":2, "x":1}],"tool_name":"a"})") << "another event";
}

TEST_F(RecordedFile, TakesMoreEventsThanABatchMayHave) {
  EXPECT_EQ(read(testing::looping_run("r", 2000)).runs.at(0).events.events.size(), 2002U);
}

TEST_F(RecordedFile, SkipsWhatIngestRefusesAndSaysWhere) {
  const auto got = read(testing::looping_run("good", 1) + "{oops\n" + run_of("") + "[1,2]\n\"text\"\n{}\n" +
                        run_of(event("no.such", "r", 1)) + run_of(event("run.started", "r", -1)) +
                        run_of(event("run.started", "r", 0) + "," + event("run.started", "other", 0)) +
                        R"({"events":7})" + "\n" + testing::looping_run("last", 1));
  EXPECT_THAT(ids(got), ElementsAre("good", "last"));
  EXPECT_THAT(skipped(got),
              ElementsAre(HasSubstr("line 2: is no JSON"), HasSubstr("line 3: events: List should have at least 1"),
                          HasSubstr("line 4: Input should be a valid dictionary"), HasSubstr("line 5: Input should be"),
                          HasSubstr("line 6: events: Field required"),
                          HasSubstr("line 7: events.0.event_type: unsupported event type"),
                          HasSubstr("line 8: events.0.step_index: Input should be greater"),
                          HasSubstr("line 9: holds events of more than one run"),
                          HasSubstr("line 10: events: Input should be a valid list")));
}

TEST_F(RecordedFile, SkipsDamagedEventLines) {
  const auto got = read(testing::as_event_lines("a", 1) + "{oops\n7\n{\"event_type\":\"tool.called\"}\n" +
                        event("no.such", "b", 0) + "\n" + testing::as_event_lines("c", 1));
  EXPECT_THAT(ids(got), ElementsAre("a", "c"));
  EXPECT_THAT(skipped(got), ElementsAre(HasSubstr("line 4: is no JSON"), HasSubstr("line 5: is no event"),
                                        HasSubstr("line 6: is no event"), HasSubstr("line 7: events.0.event_type")));
}

TEST_F(RecordedFile, SurvivesHostileLines) {
  const std::string deep(100'000, '[');
  const auto got = read(std::string("\0\0\n", 3) + "\xff\xfe\n" + deep + "\n" + testing::looping_run("a", 1) +
                        R"({"events":[{"payload":)" + deep + "\n" + run_of(deep) +
                        run_of(event("tool.called", "r\\u0000x", 1, R"({"tool_name":"\ud800"})")) +
                        run_of(event("tool.called", std::string(900, 'x'), 1)) +
                        run_of(event("tool.called", "nan", 1, R"({"n":1e999})")) + run_of("{") + run_of("\"}"));
  EXPECT_THAT(ids(got), ElementsAre("a", "rx", "nan"));
  EXPECT_EQ(got.skipped.size(), 8U);
}

TEST_F(RecordedFile, WithoutRunsHasNone) {
  EXPECT_TRUE(read("").runs.empty());
  EXPECT_TRUE(read("\n\n  \n").runs.empty());
  const auto other = read(R"({"trace":{},"observations":[]})");
  EXPECT_TRUE(other.runs.empty());
  EXPECT_THAT(skipped(other), ElementsAre(HasSubstr("line 1: is neither a run")));
}

}  // namespace
}  // namespace dunetrace::backtest
