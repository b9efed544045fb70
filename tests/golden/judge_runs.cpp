// judge_runs PLUGIN_DIR < runs.ndjson: what all detectors find in runs, the way of production (ingest's admission and
// privacy guard, replay, judge with scoring) but for the sockets and the database. One line in, one line out:
//   {"run_id": …, "events": [wire event, …], "baselines": {"steps": 6.5, …}}  →  {"run_id": …, "signals": [ … ]}
// For tests that compare thousands of runs with the independent implementation in tests/e2e/reference.py.
#include <iostream>
#include <string>

#include "backtest/file_source.hpp"
#include "detect/judge.hpp"
#include "detect/replay.hpp"
#include "json/reader.hpp"
#include "json/writer.hpp"
#include "plugin/registry.hpp"
#include "telemetry/log.hpp"

namespace dunetrace::golden {
namespace {

// With time enough for a machine that is busy with other tests.
Result<config::DetectorsConfig> patient(const plugin::Registry& registry) {
  std::string text = "default:\n";
  for (const auto& schema : registry.schemas()) {
    if (schema.kind == "detector") text += "  " + schema.id + ": {timeout_ms: 60000}\n";
  }
  DUNE_TRY(file, config::DetectorsFile::parse(text, "judge_runs"));
  return file.resolve(registry.schemas(), {});
}

void write(json::Writer& out, const Signal& signal) {
  out.begin_object();
  out.field("failure_type", signal.failure_type);
  out.field("severity", std::string(to_text(signal.severity)));
  out.field("confidence", signal.confidence);
  out.field("step_index", signal.step_index);
  out.field("co_signal_count", signal.co_signal_count);
  out.field("shadow", signal.shadow);
  out.field_raw("evidence", signal.evidence);
  out.end_object();
}

class Program {
 public:
  Program(const plugin::Registry& registry, const config::DetectorsConfig& config, telemetry::Logger& log)
      : judge_(registry, config, log) {}

  Result<std::string> judge(const std::string& line) {
    DUNE_TRY(root, parser_.parse(line));
    const auto usual = root["baselines"];
    const Baselines baselines{usual["steps"].number(), usual["tool_latency_ms"].number(),
                              usual["llm_latency_ms"].number(), usual["token_growth"].number(),
                              usual["llm_tool_ratio"].number()};
    DUNE_TRY(events, backtest::read_run(line, {}));
    const auto run = replayer_.replay(std::move(events), baselines);
    const auto verdict = judge_.judge(run);
    if (!verdict.failures.empty()) {
      return fail(Code::internal, verdict.failures.front().detector + ": " + verdict.failures.front().reason);
    }
    json::Writer out;
    out.begin_object();
    out.field("run_id", run.source.run_id);
    out.key("signals");
    out.begin_array();
    for (const auto& signal : verdict.signals) write(out, signal);
    out.end_array();
    out.end_object();
    return out.take();
  }

 private:
  json::Parser parser_;
  detect::Replayer replayer_;
  detect::Judge judge_;
};

Result<> judge_all(const std::string& plugins) {
  telemetry::Logger log(telemetry::Level::warn);
  DUNE_TRY(registry, plugin::Registry::load(plugins, {}, log));
  DUNE_TRY(config, patient(registry));
  Program program(registry, config, log);
  std::size_t number = 0;
  for (std::string line; std::getline(std::cin, line);) {
    auto judged = program.judge(line);
    if (!judged) return tl::unexpected<Error>(std::move(judged).error().in("line " + std::to_string(++number)));
    ++number;
    std::cout << *judged << '\n';
  }
  return {};
}

}  // namespace
}  // namespace dunetrace::golden

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: judge_runs PLUGIN_DIR < runs.ndjson\n";
    return 2;
  }
  std::ios::sync_with_stdio(false);
  std::cin.tie(nullptr);
  if (const auto done = dunetrace::golden::judge_all(argv[1]); !done) {
    std::cerr << done.error().text << '\n';
    return 1;
  }
  return 0;
}
