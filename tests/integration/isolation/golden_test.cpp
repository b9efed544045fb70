// Every golden case of every shipped detector, judged in runners and in process: the same verdict, byte for byte.
#include <gtest/gtest.h>

#include "cases/case_file.hpp"
#include "detect/replay.hpp"
#include "some_runs.hpp"

namespace dunetrace::testing {
namespace {

dunetrace::Run replayed(const cases::Case& made) {
  RunEvents run{"golden", "run-1", {}, nullptr};
  for (std::size_t i = 0; i < made.events.size(); ++i) {
    const auto& spec = made.events[i];
    run.events.push_back({static_cast<std::int64_t>(i + 1), event_kind(spec.type), spec.step_index, spec.timestamp,
                          spec.type, "golden-agent", "v1", spec.payload, std::string_view()});
  }
  return detect::Replayer().replay(std::move(run), made.baselines);
}

// The case's configuration, in which every detector has its time: this is about what they find, not about how busy the
// machine is or how slow a sanitizer makes the longest case.
std::string unhurried(const std::string& config, const plugin::Registry& registry) {
  auto text = config + "\ngolden-agent:\n";
  for (const auto& schema : registry.schemas()) text += "  " + schema.id + ": {timeout_ms: 10000}\n";
  return text;
}

TEST(IsolatedGolden, EveryCaseGivesTheSameInARunner) {
  Stage here({.all_in_process = true});
  Stage outside({});
  const auto folder = std::filesystem::path(DUNE_SOURCE_DIR) / "plugins/detectors";
  std::size_t compared = 0;
  std::size_t signals = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const auto path = entry.path() / "cases.yml";
    if (!std::filesystem::exists(path)) continue;
    const auto file = cases::load_cases(path.string());
    ASSERT_TRUE(file) << file.error().text;
    for (const auto& made : file->cases) {
      const auto run = replayed(made);
      const auto parsed =
          config::DetectorsFile::parse(unhurried(made.config, here.registry()), "detectors.yml").value();
      const auto config = parsed.resolve(here.registry().schemas(), {});  // both registries are in one order
      if (!config) continue;                                              // a case of refused parameters
      const auto found = outside.judge_by(*config, run);
      EXPECT_EQ(summary(found), summary(here.judge_by(*config, run))) << path << ':' << made.line;
      signals += found.signals.size();
      ++compared;
    }
  }
  EXPECT_GT(compared, 50U);
  EXPECT_GT(signals, 50U);
}

}  // namespace
}  // namespace dunetrace::testing
