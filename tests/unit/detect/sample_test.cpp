#include "detect/sample.hpp"

#include <gtest/gtest.h>

#include <string>

#include "detect/replay.hpp"

namespace dunetrace::detect {
namespace {

// A run of agent "agent"; payloads are literals.
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
  [[nodiscard]] std::optional<RunSample> sample() const { return sample_of(Replayer().replay(run_)); }
  RunEvents run_{"customer", "run", {}, nullptr};
};

// Model calls with these prompt sizes, one a second.
Events calls(const std::vector<std::string_view>& payloads) {
  Events events;
  int step = 0;
  for (const auto payload : payloads) {
    ++step;
    events.add("llm.called", step, step, payload);
    events.add("llm.responded", step, step + 0.5, "{}");
  }
  events.add("run.completed", step + 1, step + 1);
  return events;
}

TEST(Sample, OnlyCompletedRunsWithoutAnErrorCount) {
  EXPECT_FALSE(Events().add("run.started", 0, 1).add("llm.called", 1, 2).sample()) << "stalled";
  EXPECT_FALSE(Events().add("run.errored", 1, 1).sample());
  EXPECT_FALSE(Events().add("run.errored", 1, 1).add("run.completed", 2, 2).sample());
  EXPECT_FALSE(Events().add("run.completed", 1, 1).add("run.errored", 2, 2).sample());
  EXPECT_FALSE(Events().sample());
  const auto sample = Events().add("run.completed", 7, 1).sample();
  ASSERT_TRUE(sample);
  EXPECT_EQ(*sample, (RunSample{7, {}, {}, {}, {}}));
}

TEST(Sample, StepsAreTheLargestIndexOfAnyEvent) {
  EXPECT_EQ(Events().add("tool.called", 9, 1).add("run.completed", 4, 2).sample()->steps, 9);
}

TEST(Sample, DurationsAreThoseOfTheSteps) {
  const auto sample = Events()
                          .add("tool.called", 1, 10)
                          .add("external.signal", 1, 11)
                          .add("tool.responded", 1, 12, R"({"success":true})")
                          .add("tool.called", 2, 12, R"({"tool_name":"a"})")
                          .add("tool.responded", 2, 12, R"({"tool_name":"a","success":true,"latency_ms":700})")
                          .add("llm.called", 3, 13)
                          .add("llm.responded", 3, 13.25)
                          .add("tool.called", 4, 20)
                          .add("run.completed", 4, 19)
                          .sample();
  ASSERT_TRUE(sample);
  EXPECT_EQ(sample->tool_ms, (std::vector<std::int64_t>{700, 2000}))
      << "annotations are no steps, ascending, the time before an event that lies in the past is dropped";
  EXPECT_EQ(sample->llm_ms, (std::vector<std::int64_t>{250}));
}

TEST(Sample, ACallAtTheVeryEndHasNoDuration) {
  const auto sample = Events().add("run.completed", 1, 1).add("tool.called", 2, 2).sample();
  ASSERT_TRUE(sample);
  EXPECT_TRUE(sample->tool_ms.empty());
}

TEST(Sample, TokenGrowthNeedsThreeCallsAndEnoughTokens) {
  const auto growth = [](const std::vector<std::string_view>& payloads) {
    return calls(payloads).sample()->token_growth;
  };
  constexpr auto kTen = R"({"prompt_tokens":10})", kMany = R"({"prompt_tokens":2000})",
                 kUnknown = R"({"prompt_tokens":0})";
  EXPECT_EQ(growth({kTen, kTen, kMany}), 200);
  EXPECT_EQ(growth({kUnknown, kTen, kTen, kUnknown, kMany, kUnknown}), 200) << "the first and last known";
  EXPECT_EQ(growth({kTen, kMany}), std::nullopt);
  EXPECT_EQ(growth({R"({"prompt_tokens":9})", kTen, kMany}), std::nullopt);
  EXPECT_EQ(growth({kTen, kMany, R"({"prompt_tokens":1999})"}), std::nullopt);
  EXPECT_EQ(growth({R"({"prompt_tokens":-5})", kTen, kTen, kMany}), 200);
}

TEST(Sample, TheRatioCountsCallsAnsweredOrNot) {
  Events events;
  for (int i = 0; i < 5; ++i) events.add("llm.called", i, i);
  EXPECT_EQ(Events(events).add("run.completed", 9, 9).sample()->llm_tool_ratio, 5) << "no tool call counts as one";
  events.add("tool.called", 6, 6).add("tool.called", 7, 7).add("run.completed", 9, 9);
  EXPECT_EQ(events.sample()->llm_tool_ratio, 2.5);
  EXPECT_EQ(calls({"{}", "{}", "{}", "{}"}).sample()->llm_tool_ratio, std::nullopt);
}

TEST(Sample, AnEnormousRunIsThinnedOut) {
  Events events;
  double at = 0;
  for (int i = 0; i < 5000; ++i) {
    events.add("tool.called", i, at);
    at += i / 1000.0 + 0.0001;
  }
  events.add("run.completed", 5000, at);
  const auto sample = events.sample();
  ASSERT_TRUE(sample);
  ASSERT_EQ(sample->tool_ms.size(), RunSample::kMostDurations);
  EXPECT_EQ(sample->tool_ms.front(), 0);
  EXPECT_EQ(sample->tool_ms.back(), 4999);
  EXPECT_NEAR(p75_of_sorted(sample->tool_ms), 0.75 * 4999, 5);
}

}  // namespace
}  // namespace dunetrace::detect
