// What the replay promises, on random runs: the order of arrival, repeats and the batches they came in change neither
// the run nor what all detectors find in it, and nothing that a client may have sent makes either fail.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "detect/judge.hpp"
#include "detect/replay.hpp"
#include "random_events.hpp"

namespace dunetrace::detect {
namespace {

using testing::as_text;
using testing::pick;
using testing::Random;
using testing::random_run;

constexpr unsigned kRounds = 400;

// All detectors of this tree, with time enough for a busy machine.
class Detectors {
 public:
  Detectors()
      : registry_(plugin::Registry::load(std::string(DUNE_BINARY_DIR) + "/lib/dunetrace/plugins", {}, log_).value()) {
    std::string text = "default:\n";
    for (const auto& schema : registry_.schemas()) {
      if (schema.kind == "detector") text += "  " + schema.id + ": {timeout_ms: 60000}\n";
    }
    config_ = config::DetectorsFile::parse(text, "test")->resolve(registry_.schemas(), {}).value();
    judge_ = std::make_unique<Judge>(registry_, config_, log_);
  }

  // Everything that is stored of it.
  std::string findings(const Run& run) {
    const auto verdict = judge_->judge(run);
    std::string out;
    for (const auto& failure : verdict.failures) out += failure.detector + " failed: " + failure.reason + "\n";
    for (const auto& s : verdict.signals) {
      EXPECT_TRUE(s.confidence >= 0 && s.confidence <= 1) << s.failure_type;
      out += s.failure_type + " " + std::string(to_text(s.severity)) + " " + std::to_string(s.confidence) + " " +
             std::to_string(s.step_index) + " " + std::to_string(s.co_signal_count) + " " + s.evidence + "\n";
    }
    EXPECT_TRUE(verdict.failures.empty()) << out;
    return out;
  }

 private:
  telemetry::Logger log_{telemetry::Level::error};
  plugin::Registry registry_;
  config::DetectorsConfig config_;
  std::unique_ptr<Judge> judge_;
};

// The events arrive as they stand in the list.
void number(RunEvents& run, Random& random) {
  std::int64_t id = 0;
  for (auto& event : run.events) event.id = id += 1 + static_cast<std::int64_t>(pick(random, 3));
}

TEST(ReplayProperty, TheOrderOfArrivalAndRepeatsChangeNothing) {
  Random random(11);
  Detectors detectors;
  Replayer replayer;
  std::size_t found = 0;
  for (unsigned round = 0; round < kRounds; ++round) {
    auto run = random_run(random, pick(random, 60), false);
    const auto straight = replayer.replay(run);
    const auto expected = as_text(straight), findings = detectors.findings(straight);
    found += static_cast<std::size_t>(std::ranges::count(findings, '\n'));
    for (auto repeats = pick(random, run.events.size() + 1); repeats > 0; --repeats) {
      run.events.push_back(run.events[pick(random, run.events.size())]);
    }
    std::ranges::shuffle(run.events, random);
    number(run, random);
    const auto mixed = replayer.replay(run);
    ASSERT_EQ(as_text(mixed), expected) << "round " << round;
    ASSERT_EQ(detectors.findings(mixed), findings) << "round " << round;
  }
  EXPECT_GT(found, kRounds) << "runs in which nothing is found prove little";
}

// What is left to the order of arrival: different events with the same step and the same time.
TEST(ReplayProperty, AmongEqualStepsAndTimesTheEarlierArrivalGoesFirst) {
  Random random(12);
  Detectors detectors;
  Replayer replayer;
  for (unsigned round = 0; round < kRounds; ++round) {
    auto run = random_run(random, 1 + pick(random, 60), true);
    const auto straight = replayer.replay(run);
    const auto expected = as_text(straight), findings = detectors.findings(straight);
    // Groups of equal step and time move anywhere, and repeats come late; within a group the order stays.
    std::vector<std::pair<std::size_t, Event>> order;
    for (const auto& event : run.events) order.emplace_back(pick(random, 1000), event);
    for (std::size_t i = 0; i < order.size(); ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        const auto &a = order[j].second, &b = order[i].second;
        if (a.step_index == b.step_index && a.timestamp == b.timestamp) {
          order[i].first = std::max(order[i].first, order[j].first);
        }
      }
    }
    std::ranges::stable_sort(order, {}, &std::pair<std::size_t, Event>::first);
    run.events.clear();
    for (const auto& [at, event] : order) run.events.push_back(event);
    for (auto repeats = pick(random, 20); repeats > 0; --repeats) {
      run.events.push_back(run.events[pick(random, run.events.size())]);
    }
    number(run, random);
    std::ranges::shuffle(run.events, random);  // however they lie in memory: the ids count
    const auto mixed = replayer.replay(run);
    ASSERT_EQ(as_text(mixed), expected) << "round " << round;
    ASSERT_EQ(detectors.findings(mixed), findings) << "round " << round;
  }
}

// A run is judged whenever events came; what was replayed before, by the same thread, leaves no trace.
TEST(ReplayProperty, BatchesInBetweenChangeNothing) {
  Random random(13);
  Replayer reused;
  for (unsigned round = 0; round < kRounds; ++round) {
    const auto run = random_run(random, 1 + pick(random, 60), pick(random, 2) == 0);
    const auto expected = as_text(Replayer().replay(run));
    for (std::size_t arrived = 0; arrived < run.events.size(); arrived += 1 + pick(random, 20)) {
      auto part = run;
      part.events.resize(arrived);
      const auto early = reused.replay(std::move(part));
      ASSERT_LE(early.events.size(), arrived);
    }
    ASSERT_EQ(as_text(reused.replay(run)), expected) << "round " << round;
  }
}

// The run may be looked at after its Replayer went on, and moved.
TEST(ReplayProperty, ARunOutlivesItsReplayer) {
  Random random(14);
  std::vector<::dunetrace::Run> runs;
  std::vector<std::string> expected;
  {
    Replayer replayer;
    for (unsigned i = 0; i < 50; ++i) {
      runs.push_back(replayer.replay(random_run(random, 40, true)));
      expected.push_back(as_text(runs.back()));
    }
  }
  std::ranges::reverse(runs);
  std::ranges::reverse(expected);
  for (std::size_t i = 0; i < runs.size(); ++i) EXPECT_EQ(as_text(runs[i]), expected[i]);
}

void damage(Random& random, Event& event, std::string& payload) {
  static constexpr std::array<double, 6> kTimes{0, -1e300, 1e300, 1767225600.5, -0.0, 4e9};
  static constexpr std::array<std::int32_t, 4> kSteps{0, 1, 7, 2147483647};  // ingest takes none below 0
  switch (pick(random, 5)) {
    case 0:
      event.timestamp = kTimes[pick(random, kTimes.size())];
      break;
    case 1:
      event.step_index = kSteps[pick(random, kSteps.size())];
      break;
    case 2:
      payload.resize(pick(random, payload.size() + 1));
      break;
    case 3:
      if (!payload.empty()) payload[pick(random, payload.size())] = static_cast<char>(pick(random, 256));
      break;
    default:
      payload.insert(pick(random, payload.size() + 1), std::string(1 + pick(random, 4), "[{\"e9-\\"[pick(random, 7)]));
  }
}

TEST(ReplayProperty, NothingThatMayBeStoredMakesItFail) {
  Random random(15);
  Detectors detectors;
  Replayer replayer;
  for (unsigned round = 0; round < 3000; ++round) {
    auto run = random_run(random, 1 + pick(random, 40), pick(random, 2) == 0);
    const auto texts = std::make_shared<std::vector<std::string>>(run.events.size());
    run.storage = texts;
    for (std::size_t i = 0; i < run.events.size(); ++i) {
      (*texts)[i] = run.events[i].payload;
      for (auto times = pick(random, 3); times > 0; --times) damage(random, run.events[i], (*texts)[i]);
      run.events[i].payload = (*texts)[i];
    }
    const auto sent = run.events;
    const auto replayed = replayer.replay(std::move(run));
    const auto of_kind = [&](EventKind kind) {
      return static_cast<std::size_t>(std::ranges::count(sent, kind, &Event::kind));
    };
    ASSERT_LE(replayed.tool_calls.size(), of_kind(EventKind::tool_called));
    ASSERT_LE(replayed.llm_calls.size(), of_kind(EventKind::llm_responded));
    ASSERT_LE(replayed.steps.size(), replayed.events.size());
    for (const auto& step : replayed.steps) ASSERT_GE(step.duration_ms, 0);
    ASSERT_FALSE(as_text(replayed).empty());
    static_cast<void>(detectors.findings(replayed));
  }
}

}  // namespace
}  // namespace dunetrace::detect
