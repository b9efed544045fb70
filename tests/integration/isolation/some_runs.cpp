#include "some_runs.hpp"

#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "detect/replay.hpp"

namespace dunetrace::testing {

Run some_run(const std::string& run_id, std::size_t events) {
  auto texts = std::make_shared<std::vector<std::string>>();
  texts->reserve(events + 10);
  RunEvents run{"customer", run_id, {}, texts};
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
  add("run.started", 0, R"({"input_hash": "2cf24dba5fb0a30e", "model": "gpt-4o", "tools": ["search", "read"]})");
  for (int step = 1; run.events.size() + 5 <= events; step += 2) {
    add("llm.called", step, fmt::format(R"({{"model": "gpt-4o", "prompt_tokens": {}}})", 500 + step * 200));
    add("llm.responded", step,
        R"({"completion_tokens": 80, "latency_ms": 900, "finish_reason": "tool_calls", "output_length": 320})");
    add("tool.called", step + 1, R"({"tool_name": "search", "args_hash": "3b7b5a17b6341261"})");
    add("tool.responded", step + 1,
        fmt::format(R"({{"tool_name": "search", "success": {}, "output_length": 640, "latency_ms": 350}})",
                    step % 5 != 0));
  }
  add("run.completed", static_cast<int>(events), R"({"exit_reason": "final_answer", "total_steps": 50})");
  return detect::Replayer().replay(std::move(run));
}

std::vector<Run> some_runs(std::size_t evil) {
  std::vector<Run> runs;
  for (std::size_t i = 0; i < 10; ++i)
    runs.push_back(some_run((i == evil ? "evil-" : "run-") + std::to_string(i), 20 + 30 * i));
  return runs;
}

std::filesystem::path shipped_plugins() { return std::filesystem::path(DUNE_BINARY_DIR) / "lib/dunetrace/plugins"; }

std::filesystem::path hostile_plugin(const std::string& name) {
  return std::filesystem::path(DUNE_BINARY_DIR) / "tests/hostile" / (name + ".so");
}

plugin::RunnerOptions runner_options(telemetry::Logger& log) {
  plugin::RunnerOptions options;
  options.executable = std::filesystem::path(DUNE_BINARY_DIR) / "tests/dunetrace_runner";
  options.log = &log;
  return options;
}

Stage::Stage(const Options& options) : sandbox_(options.sandbox), stop_(options.stop) {
  std::vector<plugin::Library> libraries;
  const auto add = [&](const std::filesystem::path& file, bool isolated, bool first_party) {
    auto made = isolated ? plugin::describe_outside(file, isolation().runner) : plugin::load_library(file, first_party);
    if (!made) throw std::runtime_error(file.string() + ": " + made.error().text);
    made->path = file.string();
    made->sha256 = file.stem().string();
    made->first_party = first_party;
    for (auto& component : made->components) component.schema.first_party = first_party;
    libraries.push_back(std::move(*made));
  };
  for (const auto& name : options.hostile) add(hostile_plugin(name), !options.all_in_process, options.hostile_is_ours);
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(shipped_plugins()))
    if (entry.path().extension() == ".so") files.push_back(entry.path());
  std::ranges::sort(files);
  for (const auto& file : files) add(file, options.shipped == plugin::Mode::isolated && !options.all_in_process, true);
  registry_ = std::make_unique<plugin::Registry>(plugin::Registry::of(std::move(libraries)).value());
  auto file = config::DetectorsFile::parse(options.config, "detectors.yml");
  auto resolved = file.value().resolve(registry_->schemas(), {});
  if (!resolved) throw std::runtime_error(resolved.error().text);
  config_ = std::make_unique<config::DetectorsConfig>(std::move(*resolved));
  judge_ = std::make_unique<detect::Judge>(*registry_, *config_, log_.logger(), isolation());
}

detect::Isolation Stage::isolation() {
  auto runner = runner_options(log_.logger());
  runner.sandbox = sandbox_;
  runner.stop = stop_;
  return {.runner = std::move(runner), .conduct = &conduct_, .clock = &clock_};
}

detect::Verdict Stage::judge_by(const config::DetectorsConfig& config, const Run& run) {
  return detect::Judge(*registry_, config, log_.logger(), isolation()).judge(run);
}

std::string summary(const detect::Verdict& verdict, const std::string& without) {
  std::string text;
  for (const auto& s : verdict.signals) {
    if (s.failure_type == without) continue;
    text += fmt::format("{} {} {} {} {} {} {} {} {}\n", s.failure_type, to_text(s.severity), s.confidence, s.step_index,
                        s.evidence, s.shadow, s.co_signal_count, s.detector_id, s.detector_version);
  }
  for (const auto& failure : verdict.failures)
    if (failure.signal_types.empty() || failure.signal_types.front() != without)
      text += fmt::format("{} failed: {}\n", failure.detector, failure.reason);
  return text;
}

std::string failure_of(const detect::Verdict& verdict, const std::string& detector) {
  for (const auto& failure : verdict.failures)
    if (failure.detector == detector) return failure.reason;
  return {};
}

std::vector<int> runner_pids() {
  std::vector<int> pids;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    std::ifstream file(entry.path() / "cmdline");
    std::string text((std::istreambuf_iterator<char>(file)), {});
    std::ranges::replace(text, '\0', ' ');
    if (text.find("plugin-runner " + std::to_string(::getpid()) + " ") != text.npos)
      pids.push_back(std::stoi(entry.path().filename()));
  }
  return pids;
}

std::size_t open_descriptors() {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) ++count;
  return count;
}

std::size_t resident_bytes() {
  unsigned long pages = 0;
  unsigned long resident = 0;
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen("/proc/self/statm", "r"), &std::fclose);
  if (file == nullptr || std::fscanf(file.get(), "%lu %lu", &pages, &resident) != 2) return 0;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

bool has_children() { return ::waitpid(-1, nullptr, WNOHANG) >= 0 || errno != ECHILD; }

}  // namespace dunetrace::testing
