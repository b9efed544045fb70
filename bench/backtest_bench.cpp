// A back-test over recorded runs in this process: unpack, admit, replay and judge, under the configuration in force
// alone and against a proposal in which one detector (or all of them) has other parameters. Items are runs.
//   build/release/bench/backtest_bench                      the runs in DUNETRACE_REAL_RUNS, or
//   ../shared/data/real-runs
#include <benchmark/benchmark.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <thread>

#include "backtest/backtest.hpp"
#include "backtest/file_source.hpp"

namespace dunetrace {
namespace {

std::vector<std::filesystem::path> recordings() {
  const char* const named = std::getenv("DUNETRACE_REAL_RUNS");
  const std::filesystem::path folder =
      named != nullptr ? named : std::filesystem::path(DUNE_SOURCE_DIR).parent_path() / "shared/data/real-runs";
  std::vector<std::filesystem::path> files;
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator(folder, none)) {
    if (entry.path().string().ends_with(".ndjson.gz")) files.push_back(entry.path());
  }
  std::ranges::sort(files);
  return files;
}

struct Fixture {
  telemetry::Logger log{telemetry::Level::error};
  std::unique_ptr<plugin::Registry> registry;

  Fixture() {
    auto loaded = plugin::Registry::load(DUNE_PLUGIN_DIR, {}, log);
    if (!loaded) {
      std::fprintf(stderr, "%s\n", loaded.error().text.c_str());
      std::exit(1);
    }
    registry = std::make_unique<plugin::Registry>(std::move(*loaded));
  }
  [[nodiscard]] config::DetectorsConfig config(std::string_view text) const {
    const auto file = config::DetectorsFile::parse(text, "bench");
    return std::move(*file->resolve(registry->schemas(), {}));
  }
};

constexpr auto kOneChanged = "default: {tool_loop: {threshold: 4}}";
// No parameters in common, so that every detector is asked twice.
constexpr auto kAllChanged = "categories: {all: ['*']}\nall: {}";

void replay_files(benchmark::State& state, const char* proposal, unsigned threads) {
  const auto files = recordings();
  if (files.empty()) return state.SkipWithError("no recorded runs; set DUNETRACE_REAL_RUNS to their folder");
  const Fixture fixture;
  auto log = telemetry::Logger(telemetry::Level::error);
  const auto current = fixture.config("");
  const auto proposed = fixture.config(proposal);
  std::size_t runs = 0;
  std::size_t events = 0;
  for (auto _ : state) {
    for (const auto& file : files) {
      auto source = backtest::FileSource::open(file, {});
      const auto report = backtest::backtest(*source, {*fixture.registry, current}, {*fixture.registry, proposed},
                                             {.threads = threads}, log);
      if (!report) return state.SkipWithError(report.error().text.c_str());
      runs += report->runs;
      events += report->events;
    }
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(runs));
  state.counters["events/s"] = benchmark::Counter(static_cast<double>(events), benchmark::Counter::kIsRate);
}

const auto kThreads = std::max(std::thread::hardware_concurrency(), 1U);
BENCHMARK_CAPTURE(replay_files, one_detector_changed, kOneChanged, kThreads)
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime()
    ->MeasureProcessCPUTime();
BENCHMARK_CAPTURE(replay_files, every_detector_asked_twice, kAllChanged, kThreads)
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime()
    ->MeasureProcessCPUTime();
BENCHMARK_CAPTURE(replay_files, one_detector_changed_one_core, kOneChanged, 1U)
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime()
    ->MeasureProcessCPUTime();

}  // namespace
}  // namespace dunetrace
