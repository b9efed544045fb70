// What it costs to run detectors outside of the host's process. Figures and their ratios in one run:
//   cmake --build build/release --target isolation_bench dunetrace && build/release/bench/isolation_bench
// Budgets: all shipped detectors on a 100-event run under 50 us in process; isolated at least half as fast over batches
// of 32 runs (counter `isolated_to_in_process`); under 50 ms from a crash until the next run is judged.
#include <benchmark/benchmark.h>
#include <signal.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

#include "config/detectors_file.hpp"
#include "core/clock.hpp"
#include "detect/judge.hpp"
#include "detect/replay.hpp"
#include "plugin/conduct_memory.hpp"
#include "plugin/isolation/outside.hpp"
#include "plugin/registry.hpp"
#include "telemetry/log.hpp"

namespace dunetrace {
namespace {

// A run as the packaged clients send it: model call, tool call, and their answers, every fifth call failing.
Run sample(std::size_t events, const std::string& id) {
  auto texts = std::make_shared<std::vector<std::string>>();
  texts->reserve(events);
  RunEvents run{"customer", id, {}, texts};
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
  return detect::Replayer().replay(std::move(run));
}

std::vector<Run> batch() {
  std::vector<Run> runs;
  for (std::size_t i = 0; i < detect::kRunsAtOnce; ++i) runs.push_back(sample(100, "run-" + std::to_string(i)));
  return runs;
}

template <class T>
T must(Result<T> made) {
  if (made) return std::move(*made);
  std::fprintf(stderr, "%s\n", made.error().text.c_str());
  std::exit(1);
}

struct Fixture {
  telemetry::Logger log{telemetry::Level::error};
  SystemClock clock;
  plugin::ConductMemory conduct{clock};
  plugin::RunnerOptions runner;
  std::unique_ptr<plugin::Registry> registry;
  std::unique_ptr<config::DetectorsConfig> config;
  std::unique_ptr<detect::Judge> judge;

  explicit Fixture(plugin::Mode mode) {
    runner.executable = DUNE_EXECUTABLE;
    runner.log = &log;
    std::vector<plugin::Library> libraries;
    for (const auto& entry : std::filesystem::directory_iterator(DUNE_PLUGIN_DIR)) {
      if (entry.path().extension() != ".so") continue;
      auto library = must(mode == plugin::Mode::isolated ? plugin::describe_outside(entry.path(), runner)
                                                         : plugin::load_library(entry.path(), true));
      library.first_party = true;
      libraries.push_back(std::move(library));
    }
    registry = std::make_unique<plugin::Registry>(must(plugin::Registry::of(std::move(libraries))));
    config = std::make_unique<config::DetectorsConfig>(
        must(must(config::DetectorsFile::parse("", "none")).resolve(registry->schemas(), {})));
    judge = std::make_unique<detect::Judge>(*registry, *config, log, detect::Isolation{runner, &conduct, &clock});
  }
};

void one_detector_in_process(benchmark::State& state) {
  Fixture fixture(plugin::Mode::in_process);
  const auto* const entry = fixture.registry->find("tool_loop");
  const auto& settings = fixture.config->profiles().front().detectors;
  const auto found = std::ranges::find_if(settings, [](const auto& one) { return one.id == "tool_loop"; });
  auto detector = must(plugin::Detector::create(*entry, {found->values, "default"}, fixture.log));
  const auto run = sample(100, "run");
  const plugin::RunView view(run, "default");
  for (auto _ : state) benchmark::DoNotOptimize(detector.detect(view));
}
BENCHMARK(one_detector_in_process)->Unit(benchmark::kMicrosecond);

void all_detectors_in_process(benchmark::State& state) {
  Fixture fixture(plugin::Mode::in_process);
  const auto run = sample(100, "run");
  for (auto _ : state) benchmark::DoNotOptimize(fixture.judge->judge(run));
}
BENCHMARK(all_detectors_in_process)->Unit(benchmark::kMicrosecond);

double seconds(const auto& work) {
  const auto began = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
}

// Both in turn, so that whatever else the machine does hits both alike. The time shown is that of one isolated run.
void isolated_against_in_process(benchmark::State& state) {
  Fixture here(plugin::Mode::in_process);
  Fixture outside(plugin::Mode::isolated);
  const auto runs = batch();
  benchmark::DoNotOptimize(here.judge->judge(runs));
  benchmark::DoNotOptimize(outside.judge->judge(runs));  // starts the runner
  double in_process = 0;
  double isolated = 0;
  for (auto _ : state) {
    in_process += seconds([&] { benchmark::DoNotOptimize(here.judge->judge(runs)); });
    isolated += seconds([&] { benchmark::DoNotOptimize(outside.judge->judge(runs)); });
  }
  const auto judged = static_cast<double>(state.iterations()) * static_cast<double>(runs.size());
  state.counters["in_process_us_per_run"] = in_process * 1e6 / judged;
  state.counters["isolated_us_per_run"] = isolated * 1e6 / judged;
  state.counters["isolated_to_in_process"] = in_process / isolated;
}
BENCHMARK(isolated_against_in_process)->Unit(benchmark::kMillisecond);

// From the death of the runner until the next run has been judged by all detectors in a new one.
void restart_after_a_crash(benchmark::State& state) {
  Fixture fixture(plugin::Mode::isolated);
  plugin::ConductMemory forgiving(fixture.clock);
  const auto crew = must(plugin::Crew::make(fixture.runner, forgiving));
  std::vector<std::uint32_t> seats;
  for (const auto& settings : fixture.config->profiles().front().detectors)
    seats.push_back(crew->seat(fixture.registry->components().at(settings.component), {settings.values, "default"}));
  const auto run = sample(100, "run");
  const auto judge = [&] {
    crew->begin();
    const auto* const laid_out = crew->add(run, "default");
    for (const auto seat : seats) static_cast<void>(crew->ask(seat, laid_out, run));
    crew->send();
    crew->collect();
  };
  judge();
  for (auto _ : state) {
    for (const auto pid : crew->pids()) ::kill(pid, SIGKILL);
    judge();
    state.PauseTiming();
    for (const auto& entry : fixture.registry->components()) forgiving.clear({entry.component->schema.id, ""});
    state.ResumeTiming();
  }
}
BENCHMARK(restart_after_a_crash)->Unit(benchmark::kMillisecond)->Iterations(50)->UseRealTime();

}  // namespace
}  // namespace dunetrace
