// Replay and detectors on one run, without a database (budget: replay + all detectors on 100 events under 50 µs).
#include <benchmark/benchmark.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

#include "config/detectors_file.hpp"
#include "detect/judge.hpp"
#include "detect/replay.hpp"
#include "plugin/registry.hpp"
#include "telemetry/log.hpp"

namespace dunetrace {
namespace {

// A run as the packaged clients send it: model call, tool call, and their answers, every fifth call failing.
RunEvents sample(std::size_t events) {
  auto texts = std::make_shared<std::vector<std::string>>();
  texts->reserve(events);
  RunEvents run{"customer", "run", {}, texts};
  const auto add = [&](std::string_view type, int step, std::string payload) {
    texts->push_back(std::move(payload));
    Event event;
    event.id = static_cast<std::int64_t>(run.events.size());
    event.type = type;
    event.kind = event_kind(type);
    event.step_index = step;
    event.timestamp = 1767225600.0 + static_cast<double>(run.events.size()) * 0.25;
    event.agent_id = "agent";
    event.agent_version = "0e833e94";
    event.payload = texts->back();
    run.events.push_back(event);
  };
  add("run.started", 0,
      R"({"input_hash": "2cf24dba5fb0a30e", "model": "gpt-4o", "tools": ["search", "read", "write"]})");
  for (int step = 1; run.events.size() + 5 <= events; step += 2) {
    add("llm.called", step, R"({"model": "gpt-4o", "prompt_tokens": )" + std::to_string(500 + step * 20) + "}");
    add("llm.responded", step,
        R"({"completion_tokens": 80, "latency_ms": 900, "finish_reason": "tool_calls", "output_length": 320, "output_hash": "9f86d081884c7d65"})");
    const auto* const tool = step % 3 == 0 ? "search" : "read";
    add("tool.called", step + 1, std::string(R"({"tool_name": ")") + tool + R"(", "args_hash": "3b7b5a17b6341261"})");
    add("tool.responded", step + 1,
        std::string(R"({"tool_name": ")") + tool + R"(", "success": )" + (step % 5 == 0 ? "false" : "true") +
            R"(, "output_length": 640, "latency_ms": 350})");
  }
  add("run.completed", 2 * static_cast<int>(events), R"({"exit_reason": "final_answer", "total_steps": 50})");
  return run;
}

struct Fixture {
  telemetry::Logger log{telemetry::Level::error};
  std::unique_ptr<plugin::Registry> registry;
  std::unique_ptr<config::DetectorsConfig> config;

  Fixture() {
    auto loaded = plugin::Registry::load(DUNE_PLUGIN_DIR, {}, log);
    if (!loaded) {
      std::fprintf(stderr, "%s\n", loaded.error().text.c_str());
      std::exit(1);
    }
    registry = std::make_unique<plugin::Registry>(std::move(*loaded));
    const auto file = config::DetectorsFile::parse("", "none");
    config = std::make_unique<config::DetectorsConfig>(std::move(*file->resolve(registry->schemas(), {})));
  }
};

void replay_only(benchmark::State& state) {
  const auto events = sample(static_cast<std::size_t>(state.range(0)));
  detect::Replayer replayer;
  for (auto _ : state) benchmark::DoNotOptimize(replayer.replay(events));
}
BENCHMARK(replay_only)->Arg(100)->Arg(1000)->Unit(benchmark::kMicrosecond);

void detectors_only(benchmark::State& state) {
  Fixture fixture;
  detect::Judge judge(*fixture.registry, *fixture.config, fixture.log);
  const auto run = detect::Replayer().replay(sample(static_cast<std::size_t>(state.range(0))));
  for (auto _ : state) benchmark::DoNotOptimize(judge.judge(run));
}
BENCHMARK(detectors_only)->Arg(100)->Arg(1000)->Unit(benchmark::kMicrosecond);

void replay_and_all_detectors(benchmark::State& state) {
  Fixture fixture;
  detect::Judge judge(*fixture.registry, *fixture.config, fixture.log);
  detect::Replayer replayer;
  const auto events = sample(static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) benchmark::DoNotOptimize(judge.judge(replayer.replay(events)));
}
BENCHMARK(replay_and_all_detectors)->Arg(100)->Arg(1000)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace dunetrace
