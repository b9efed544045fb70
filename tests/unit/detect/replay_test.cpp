#include "detect/replay.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace dunetrace::detect {
namespace {

// Events with literal payloads; ids in the order of adding.
class Events {
 public:
  Events& add(std::string_view type, int step, double at, std::string_view payload = "{}") {
    Event event;
    event.id = static_cast<std::int64_t>(run_.events.size()) + 1;
    event.type = type;
    event.kind = event_kind(type);
    event.step_index = step;
    event.timestamp = at;
    event.agent_id = "agent";
    event.agent_version = "v1";
    event.payload = payload;
    run_.events.push_back(event);
    return *this;
  }
  [[nodiscard]] Run replay() const { return Replayer().replay(run_); }
  RunEvents run_{"customer", "run", {}, nullptr};
};

TEST(Replay, AnswersPairByNameMostRecentFirst) {
  const auto run = Events()
                       .add("tool.called", 1, 1, R"({"tool_name":"a","args_hash":"1"})")
                       .add("tool.called", 2, 2, R"({"tool_name":"b"})")
                       .add("tool.called", 3, 3, R"({"tool_name":"a","args_hash":"2"})")
                       .add("tool.responded", 4, 4, R"({"tool_name":"a","success":false,"error_hash":"e"})")
                       .add("tool.responded", 5, 5, R"({"tool_name":"a","success":true})")
                       .replay();
  ASSERT_EQ(run.tool_calls.size(), 3U);
  EXPECT_EQ(run.tool_calls[2].success, false);
  EXPECT_EQ(run.tool_calls[2].error_hash, "e");
  EXPECT_EQ(run.tool_calls[0].success, true);
  EXPECT_EQ(run.tool_calls[1].success, std::nullopt);
}

TEST(Replay, AnswersWithoutAMatchingNamePairByStepThenByRecency) {
  const auto run = Events()
                       .add("tool.called", 1, 1, R"({"tool_name":"a"})")
                       .add("tool.called", 2, 2, R"({"tool_name":"b"})")
                       .add("tool.responded", 1, 3, R"({"tool_name":"z","success":true})")
                       .add("tool.responded", 9, 4, R"({"tool_name":"z","success":true})")
                       .add("tool.responded", 10, 5, R"({"success":false})")
                       .replay();
  EXPECT_EQ(run.tool_calls[0].success, true) << "same step";
  EXPECT_EQ(run.tool_calls[1].success, false) << "no name: the most recent open call; an unknown name finds nothing";
}

TEST(Replay, AnUnknownOutcomeLeavesTheCallOpen) {
  const auto run = Events()
                       .add("tool.called", 1, 1, R"({"tool_name":"a"})")
                       .add("tool.responded", 1, 2, R"({"tool_name":"a","success":null,"latency_ms":50000})")
                       .replay();
  EXPECT_EQ(run.tool_calls[0].success, std::nullopt);
  EXPECT_EQ(run.steps[0].duration_ms, 1000);
}

TEST(Replay, SuccessCountsByTruth) {
  for (const auto& [text, truth] : {std::pair(R"({"success":0})", false), std::pair(R"({"success":"no"})", true),
                                    std::pair(R"({"success":""})", false), std::pair(R"({"success":[0]})", true)}) {
    const auto run = Events().add("tool.called", 1, 1).add("tool.responded", 1, 2, text).replay();
    EXPECT_EQ(run.tool_calls[0].success, truth) << text;
  }
}

TEST(Replay, ModelCallsPairLikeAStackAndTakeWhatTheCallLacks) {
  const auto run =
      Events()
          .add("llm.called", 1, 1, R"({"model":"m","prompt_tokens":0})")
          .add("llm.responded", 1, 2, R"({"prompt_tokens":90,"finish_reason":"stop","output_length":0,"latency_ms":7})")
          .add("llm.responded", 2, 3, R"({"model":"alone","completion_tokens":4})")
          .add("llm.called", 3, 4)
          .replay();
  ASSERT_EQ(run.llm_calls.size(), 2U) << "a call without an answer is none";
  EXPECT_EQ(run.llm_calls[0].model, "m");
  EXPECT_EQ(run.llm_calls[0].prompt_tokens, 90);
  EXPECT_EQ(run.llm_calls[0].output_length, 0);
  EXPECT_EQ(run.llm_calls[0].step_index, 1);
  EXPECT_EQ(run.llm_calls[1].model, "alone");
  EXPECT_EQ(run.llm_calls[1].output_length, std::nullopt);
  EXPECT_EQ(run.llm_calls[1].timestamp, 3);
}

TEST(Replay, WrongTypesReadAsDefaults) {
  const auto run =
      Events()
          .add("run.started", 0, 0, R"({"tools":["a",3,null,"b"],"input_hash":7})")
          .add("tool.called", 1, 1, R"({"tool_name":5,"args_hash":null})")
          .add("retrieval.responded", 2, 2, R"({"index_name":null,"result_count":"many","top_score":"high"})")
          .add("run.completed", 3, 3, R"({"exit_reason":{}})")
          .replay();
  EXPECT_EQ(run.available_tools, (std::vector<std::string_view>{"a", "b"}));
  EXPECT_EQ(run.input_hash.data(), nullptr);
  EXPECT_EQ(run.tool_calls[0].tool_name, "unknown");
  EXPECT_EQ(run.tool_calls[0].args_hash, "");
  EXPECT_EQ(run.retrievals[0].result_count, 0);
  EXPECT_EQ(run.retrievals[0].top_score, std::nullopt);
  EXPECT_EQ(run.exit_reason, "completed");
}

TEST(Replay, EveryStartedEventSaysWhichToolsThereAre) {
  const auto tools = [](std::string_view second) {
    return Events().add("run.started", 0, 0, R"({"tools":["a","b"]})").add("run.started", 1, 1, second).replay();
  };
  EXPECT_EQ(tools(R"({"tools":["c"]})").available_tools, std::vector<std::string_view>{"c"});
  EXPECT_TRUE(tools("{}").available_tools.empty());
}

TEST(Replay, TheLastTerminalEventDecides) {
  EXPECT_EQ(Events()
                .add("run.completed", 1, 1, R"({"exit_reason":"final_answer"})")
                .add("run.errored", 2, 2)
                .replay()
                .exit_reason,
            "error");
  EXPECT_EQ(Events()
                .add("run.errored", 1, 1)
                .add("run.completed", 2, 2, R"({"exit_reason":"final_answer"})")
                .replay()
                .exit_reason,
            "final_answer");
  EXPECT_FALSE(Events().add("llm.called", 1, 1).replay().has_exit_reason());
}

TEST(Replay, DurationsSkipAnnotationsAndClockSkewAndUseTheLargerLatency) {
  const auto run = Events()
                       .add("run.started", 0, 0)
                       .add("tool.called", 1, 1, R"({"tool_name":"a"})")
                       .add("external.signal", 1, 2)
                       .add("tool.responded", 1, 3.5, R"({"tool_name":"a","success":true,"latency_ms":9000})")
                       .add("llm.called", 2, 3)
                       .add("run.completed", 3, 3.25)
                       .replay();
  std::vector<std::pair<std::string_view, std::int64_t>> seen;
  for (const auto& step : run.steps) seen.emplace_back(step.type, step.duration_ms);
  EXPECT_EQ(seen, (std::vector<std::pair<std::string_view, std::int64_t>>{
                      {"run.started", 1000}, {"tool.called", 9000}, {"llm.called", 250}}));
}

TEST(Replay, ExternalSignalsMergeMeta) {
  const auto run = Events()
                       .add("external.signal", 1, 1,
                            R"({"signal_name":"rate_limit","source":"openai","meta":{"b":1,"a":[1]},"flat":"x"})")
                       .replay();
  EXPECT_EQ(run.external_signals[0].name, "rate_limit");
  EXPECT_EQ(run.external_signals[0].meta, R"({"a":[1],"b":1,"flat":"x"})");
}

TEST(Replay, IgnoresWhatItDoesNotKnow) {
  const auto run = Events().add("tool.danced", 8, 1).add("tool.called", 1, 1).replay();
  EXPECT_EQ(run.events.size(), 1U);
  EXPECT_EQ(run.current_step, 1);
}

TEST(Replay, SomethingSentTwiceCountsOnce) {
  Events events;
  for (int i = 0; i < 50; ++i) {  // one hostile group, larger than the scan
    events.add("tool.called", 1, 1, i % 2 == 0 ? R"({"tool_name":"a"})" : R"({"tool_name":"b"})");
  }
  events.add("tool.called", 1, 2, R"({"tool_name":"a"})");
  EXPECT_EQ(events.replay().tool_calls.size(), 3U);
}

TEST(Replay, OrderOfArrivalDoesNotMatter) {
  Events events;
  events.add("run.started", 0, 0, R"({"tools":["a"]})");
  for (int step = 1; step < 30; ++step) {
    events.add("tool.called", step, step, R"({"tool_name":"a"})");
    events.add("tool.responded", step, step + 0.5, R"({"tool_name":"a","success":true})");
  }
  events.add("run.completed", 30, 31);
  const auto straight = events.replay();
  std::mt19937 random(3);
  for (int round = 0; round < 20; ++round) {
    std::shuffle(events.run_.events.begin(), events.run_.events.end(), random);
    const auto mixed = events.replay();
    ASSERT_EQ(mixed.tool_calls.size(), straight.tool_calls.size());
    for (std::size_t i = 0; i < mixed.tool_calls.size(); ++i) {
      EXPECT_EQ(mixed.tool_calls[i].step_index, straight.tool_calls[i].step_index);
      EXPECT_EQ(mixed.tool_calls[i].success, straight.tool_calls[i].success);
    }
    EXPECT_EQ(mixed.steps.size(), straight.steps.size());
    EXPECT_EQ(mixed.exit_reason, straight.exit_reason);
  }
}

TEST(Replay, EnormousRunsAreCutAndSaySo) {
  Events events;
  for (int step = 0; step < static_cast<int>(kMaxEvents) + 10; ++step) events.add("llm.called", step, step);
  const auto run = events.replay();
  EXPECT_TRUE(run.truncated);
  EXPECT_EQ(run.events.size(), kMaxEvents);
}

// kMaxEvents and more calls at steps 0, 1, 2 …, one second apart.
Events enormous(std::size_t calls) {
  Events events;
  for (std::size_t i = 0; i < calls; ++i) events.add("llm.called", static_cast<int>(i), static_cast<double>(i));
  return events;
}

TEST(Replay, AnEnormousRunThatEndedHasItsExitReasonAndLastStep) {
  for (const auto calls : {kMaxEvents, kMaxEvents + 10, kMaxLoaded + 10}) {
    auto events = enormous(calls);
    const int last = static_cast<int>(calls);
    const auto run = events.add("run.completed", last, last, R"({"exit_reason":"final_answer"})").replay();
    EXPECT_TRUE(run.truncated);
    EXPECT_EQ(run.exit_reason, "final_answer") << calls;
    EXPECT_EQ(run.current_step, last) << calls;
    ASSERT_EQ(run.events.size(), kMaxEvents);
    EXPECT_EQ(run.events.back().kind, EventKind::run_completed);
    EXPECT_EQ(run.events[kMaxEvents - 2].step_index, static_cast<int>(kMaxEvents) - 2);
    EXPECT_EQ(run.steps.back().duration_ms, 1000) << "what was cut is not one long step";
  }
}

TEST(Replay, TheLastTerminalEventOfAnEnormousRunDecides) {
  auto events = enormous(kMaxEvents + 10);
  events.add("run.completed", 5, 5, R"({"exit_reason":"final_answer"})");
  EXPECT_EQ(events.replay().exit_reason, "final_answer") << "it is among those kept";
  events.add("run.completed", 30'000, 1).add("run.errored", 30'001, 1).add("llm.called", 30'002, 1);
  const auto run = events.replay();
  EXPECT_EQ(run.exit_reason, "error");
  EXPECT_EQ(run.events.back().kind, EventKind::run_errored);
  EXPECT_EQ(run.current_step, 30'002);
}

TEST(Replay, AnEnormousOpenRunHasItsLastStepAndNoExitReason) {
  const auto run = enormous(kMaxLoaded + 10).replay();
  EXPECT_FALSE(run.has_exit_reason());
  EXPECT_EQ(run.current_step, static_cast<int>(kMaxLoaded) + 9);
  EXPECT_EQ(run.events.size(), kMaxEvents);
}

TEST(Replay, RepeatsDoNotCountAgainstTheLimit) {
  Events events;
  for (int i = 0; i < static_cast<int>(kMaxEvents) + 1000; ++i) events.add("llm.called", i / 2, i / 2);
  const auto run = events.replay();
  EXPECT_FALSE(run.truncated);
  EXPECT_EQ(run.events.size(), (kMaxEvents + 1000) / 2);
}

TEST(Replay, AHugePayloadIsReadAndTheNextRunToo) {
  const std::string huge = R"({"tool_name":")" + std::string(2 << 20, 'x') + R"("})";
  Replayer replayer;
  EXPECT_EQ(replayer.replay(Events().add("tool.called", 1, 1, huge).run_).tool_calls[0].tool_name.size(), 2U << 20);
  const auto run = replayer.replay(Events().add("tool.called", 1, 1, R"({"tool_name":"a"})").run_);
  EXPECT_EQ(run.tool_calls[0].tool_name, "a");
}

TEST(Replay, AbsurdTimesAndNumbersAreBounded) {
  const auto run = Events()
                       .add("tool.called", 1, -1e300, R"({"tool_name":"a"})")
                       .add("tool.responded", 1, 1e300, R"({"tool_name":"a","success":true,"latency_ms":1e400})")
                       .replay();
  ASSERT_EQ(run.steps.size(), 1U);
  EXPECT_GT(run.steps[0].duration_ms, 0);
  EXPECT_EQ(run.tool_calls[0].latency_ms, std::nullopt);
}

TEST(Replay, OfNothingIsAnEmptyRun) {
  const auto run = Events().replay();
  EXPECT_TRUE(run.events.empty());
  EXPECT_EQ(run.current_step, 0);
}

}  // namespace
}  // namespace dunetrace::detect
