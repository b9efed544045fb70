#include "detect/scoring.hpp"

#include <gtest/gtest.h>

namespace dunetrace::detect {
namespace {

Signal signal(double confidence, Severity severity = Severity::medium) {
  Signal s;
  s.confidence = confidence;
  s.severity = severity;
  return s;
}

Run calls(std::initializer_list<std::pair<std::string_view, std::string_view>> list, std::optional<bool> success = {}) {
  ::dunetrace::Run run;
  for (const auto& [tool, hash] : list) {
    ToolCall call;
    call.tool_name = tool;
    call.args_hash = hash;
    call.success = success;
    run.tool_calls.push_back(call);
  }
  return run;
}

TEST(Scoring, LeavesASingleSignalAlone) {
  std::vector<Signal> signals{signal(0.75)};
  score(::dunetrace::Run{}, signals);
  EXPECT_EQ(signals[0].confidence, 0.75);
  EXPECT_EQ(signals[0].co_signal_count, 0);
}

TEST(Scoring, BoostsSignalsThatOccurTogether) {  // the example of 5.2
  std::vector<Signal> two{signal(0.5), signal(0.85)};
  score(::dunetrace::Run{}, two);
  EXPECT_DOUBLE_EQ(two[0].confidence, 0.575);
  EXPECT_DOUBLE_EQ(two[1].confidence, 0.9775);
  EXPECT_EQ(two[1].co_signal_count, 2);
  std::vector<Signal> three(3, signal(0.5));
  score(::dunetrace::Run{}, three);
  EXPECT_DOUBLE_EQ(three[0].confidence, 0.65);
  std::vector<Signal> five(5, signal(0.9));
  score(::dunetrace::Run{}, five);
  EXPECT_DOUBLE_EQ(five[0].confidence, 1.0);
  EXPECT_EQ(five[0].co_signal_count, 5);
}

TEST(Scoring, AnExtremeLoopOverridesEverySignal) {
  const auto nine_of_ten = calls({{"a", "1"},
                                  {"a", "1"},
                                  {"a", "1"},
                                  {"a", "1"},
                                  {"a", "1"},
                                  {"a", "1"},
                                  {"a", "1"},
                                  {"a", "1"},
                                  {"a", "1"},
                                  {"a", "2"}});
  std::vector<Signal> signals{signal(0.5), signal(0.6, Severity::low)};
  score(nine_of_ten, signals);
  EXPECT_EQ(signals[0].confidence, 0.98);
  EXPECT_EQ(signals[1].severity, Severity::critical);
  EXPECT_EQ(signals[1].co_signal_count, 2);
}

TEST(Scoring, SevenCallsOrLessThanNineTenthsAreNotExtreme) {
  std::vector<Signal> signals{signal(0.5)};
  score(calls({{"a", "1"}, {"a", "1"}, {"a", "1"}, {"a", "1"}, {"a", "1"}, {"a", "1"}, {"a", "1"}}), signals);
  EXPECT_EQ(signals[0].confidence, 0.5);
  score(calls({{"a", "1"}, {"a", "1"}, {"a", "1"}, {"a", "1"}, {"a", "1"}, {"a", "1"}, {"a", "1"}, {"a", "2"}}),
        signals);
  EXPECT_EQ(signals[0].confidence, 0.5) << "7 of 8 are 87.5 %";
}

TEST(Scoring, TheFirstToolMetDecidesATie) {
  ::dunetrace::Run run;
  for (int i = 0; i < 8; ++i) {
    for (const auto* tool : {"b", "a"}) {
      ToolCall call;
      call.tool_name = tool;
      call.args_hash = std::string_view(tool) == "a"
                           ? std::string_view("same")
                           : std::string_view("12345678").substr(static_cast<std::size_t>(i), 1);
      run.tool_calls.push_back(call);
    }
  }
  std::vector<Signal> signals{signal(0.5)};
  score(run, signals);
  EXPECT_EQ(signals[0].confidence, 0.5) << "tool b came first and its arguments differ";
}

TEST(Scoring, AFailureStreakKeepsCriticalCritical) {
  const auto failed = calls({{"a", "1"}, {"b", "2"}, {"c", "3"}, {"d", "4"}, {"e", "5"}}, false);
  std::vector<Signal> signals{signal(0.2, Severity::low), signal(0.9, Severity::critical)};
  score(failed, signals);
  EXPECT_EQ(signals[0].severity, Severity::high);
  EXPECT_EQ(signals[0].confidence, 0.95);
  EXPECT_EQ(signals[1].severity, Severity::critical);
  EXPECT_EQ(signals[1].confidence, 0.95);
  std::vector<Signal> four{signal(0.2)};
  score(calls({{"a", "1"}, {"b", "2"}, {"c", "3"}, {"d", "4"}}, false), four);
  EXPECT_EQ(four[0].confidence, 0.2);
}

TEST(Scoring, WithoutSignalsNothingHappens) {
  std::vector<Signal> none;
  score(calls({{"a", "1"}}), none);
  EXPECT_TRUE(none.empty());
}

}  // namespace
}  // namespace dunetrace::detect
