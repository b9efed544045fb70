// Example runs are written as the events of a client and replayed as in production.
#include "conformance/sample_runs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <filesystem>
#include <utility>

#include "backtest/file_source.hpp"
#include "backtest/line_file.hpp"
#include "config/detectors_file.hpp"
#include "detect/replay.hpp"

namespace dunetrace::conformance {
namespace {

constexpr double kBegin = 1'767'225'600;  // 2026-01-01

Run replayed(const std::vector<cases::EventSpec>& specs, const Baselines& baselines) {
  auto texts = std::make_shared<std::vector<cases::EventSpec>>(specs);
  RunEvents run{"check", "run-1", {}, texts};
  for (std::size_t i = 0; i < texts->size(); ++i) {
    const auto& spec = (*texts)[i];
    run.events.push_back({static_cast<std::int64_t>(i + 1), event_kind(spec.type), spec.step_index, spec.timestamp,
                          spec.type, "check-agent", "v1", spec.payload, std::string_view()});
  }
  return detect::Replayer().replay(std::move(run), baselines);
}

// What an agent does, call by call.
class Play {
 public:
  Play& start(std::string_view tools = R"(["search","fetch","write"])") {
    return event("run.started",
                 fmt::format(R"({{"input_hash":"in","model":"m-1","tools":{},"available_tools":{}}})", tools, tools),
                 false);
  }
  Play& tool(std::string_view name, std::string_view args = "a", bool ok = true, int ms = 120) {
    event("tool.called", fmt::format(R"({{"tool_name":"{}","args_hash":"{}"}})", name, args), true);
    return event("tool.responded",
                 fmt::format(R"({{"tool_name":"{}","success":{},"latency_ms":{},"output_length":80{}}})", name, ok, ms,
                             ok ? "" : R"(,"error_hash":"e1")"),
                 false, ms);
  }
  Play& llm(std::int64_t prompt = 400, std::string_view finish = "stop", int length = 200, int ms = 900) {
    event("llm.called", fmt::format(R"({{"model":"m-1","prompt_tokens":{}}})", prompt), true);
    return event("llm.responded",
                 fmt::format(R"({{"finish_reason":"{}","completion_tokens":{},"output_length":{},"latency_ms":{}}})",
                             finish, length / 4, length, ms),
                 false, ms);
  }
  Play& retrieval(int results, double score) {
    event("retrieval.called", R"({"index_name":"docs"})", true);
    return event("retrieval.responded",
                 fmt::format(R"({{"index_name":"docs","result_count":{},"top_score":{}}})", results, score), false);
  }
  Play& note(std::string_view name) {
    return event("external.signal", fmt::format(R"({{"signal_name":"{}","source":"user","meta":{{"a":[1]}}}})", name),
                 false);
  }
  Play& completed(std::string_view reason = "completed") {
    return event("run.completed", fmt::format(R"({{"exit_reason":"{}"}})", reason), false);
  }
  Play& errored() { return event("run.errored", R"({"exit_reason":"error","error_type":"Timeout"})", false); }
  Play& event(std::string type, std::string payload, bool advances, int after_ms = 50) {
    if (advances) ++step_;
    now_ms_ += after_ms;
    events_.push_back({std::move(type), step_, kBegin + static_cast<double>(now_ms_) / 1000, std::move(payload)});
    return *this;
  }
  template <class F>
  Play& times(int count, F&& body) {
    for (int i = 0; i < count; ++i) body(*this, i);
    return *this;
  }
  [[nodiscard]] Sample done(std::string name, const Baselines& baselines = {}) const {
    return {std::move(name), replayed(events_, baselines), {}};
  }

 private:
  std::vector<cases::EventSpec> events_;
  std::int32_t step_ = 0;
  std::int64_t now_ms_ = 0;
};

Result<std::string> whole_file(const std::string& path) {
  std::error_code failed;
  if (!std::filesystem::is_regular_file(path, failed)) {
    return fail(Code::not_found, "--run " + path + ": no such file; expected one run");
  }
  DUNE_TRY(file, backtest::LineFile::open(path));
  std::string text;
  while (text.size() <= backtest::kLongestLine) {
    std::string_view line;
    DUNE_TRY(got, file.next(line));
    if (got == backtest::LineFile::Next::end) return text;
    if (got == backtest::LineFile::Next::too_long) break;
    text.append(line) += '\n';
  }
  return fail(Code::invalid_argument, path + ": is larger than 64 MiB; expected one run");
}

}  // namespace

std::vector<Sample> example_runs() {
  std::vector<Sample> out;
  const auto add = [&](Sample sample) { out.push_back(std::move(sample)); };
  add(Play().start().llm().tool("search").llm().tool("write", "b").llm().completed("final_answer").done("a good run"));
  add(Play().start().llm().tool("search").done("a run that is still open"));
  add(Play()
          .start()
          .times(8, [](Play& p, int) { p.llm().tool("search"); })
          .completed()
          .done("one tool, same arguments"));
  add(Play()
          .start()
          .times(8, [](Play& p, int i) { p.tool("search", std::to_string(i)); })
          .completed()
          .done("one tool, other arguments"));
  add(Play()
          .start()
          .times(6, [](Play& p, int) { p.tool("search").tool("fetch"); })
          .completed()
          .done("two tools in turns"));
  add(Play()
          .start()
          .times(6, [](Play& p, int i) { p.tool("search", std::to_string(i), false); })
          .completed()
          .done("one tool that fails"));
  add(Play()
          .start()
          .tool("search", "a", false)
          .tool("fetch", "b", false)
          .tool("write", "c", false)
          .tool("other", "d", false)
          .errored()
          .done("every tool fails"));
  add(Play().start().times(12, [](Play& p, int i) { p.llm(300 << i); }).completed().done("growing prompts"));
  add(Play().start().times(5, [](Play& p, int) { p.llm(900, "length", 4000); }).completed().done("cut answers"));
  add(Play().start().times(4, [](Play& p, int) { p.llm(900, "stop", 0); }).completed().done("empty answers"));
  add(Play().start().times(25, [](Play& p, int) { p.llm(); }).completed("final_answer").done("model calls only"));
  add(Play()
          .start()
          .times(4, [](Play& p, int) { p.llm().tool("fetch", "u", true, 95'000); })
          .completed()
          .done("slow tools", {4, 100, 900, 1.2, 1.0}));
  add(Play()
          .start()
          .times(3, [](Play& p, int) { p.llm(500, "stop", 90, 180'000); })
          .completed()
          .done("slow model", {4, 100, 900, 1.2, 1.0}));
  add(Play().start().retrieval(0, 0).llm().retrieval(3, 0.05).llm().completed("final_answer").done("poor retrievals"));
  add(Play().start().tool("search", "a", false).errored().done("an error at the first step"));
  add(Play().start().errored().done("an error before the first step"));
  add(Play()
          .start()
          .times(60, [](Play& p, int i) { p.llm().tool(i % 2 == 0 ? "search" : "fetch", std::to_string(i)); })
          .completed()
          .done("many more steps than usual", {6, 100, 900, 1.2, 1.0}));
  add(Play().start().tool("search").times(9, [](Play& p, int) { p.llm(); }).done("tools and then none"));
  add(Play()
          .start()
          .note("thumbs_down")
          .note("prompt_injection")
          .note("error_report")
          .llm()
          .completed()
          .done("signals from outside"));
  add(Play()
          .start()
          .event("policy.triggered", R"({"policy":"p","action":"stop"})", false)
          .event("memory.updated", R"({"n":1})", false)
          .event("plan.made", "{}", true)
          .completed()
          .done("other events"));
  return out;
}

Sample ordinary_run(std::size_t events) {
  Play play;
  play.start();
  for (std::size_t i = 0; i + 4 < events; i += 4)
    play.llm(400 + static_cast<std::int64_t>(i)).tool("search", std::to_string(i));
  return play.completed().done(fmt::format("{} events", events));
}

Result<GivenRuns> GivenRuns::read(std::span<const std::string> runs, std::span<const std::string> cases) {
  GivenRuns out;
  for (const auto& path : runs) {
    DUNE_TRY(text, whole_file(path));
    auto events = backtest::read_run(text, {});
    if (!events) return tl::unexpected<Error>(std::move(events).error().in("--run " + path));
    out.runs_.push_back({path, std::move(*events)});
  }
  for (const auto& path : cases) {
    auto file = cases::load_cases(path);
    if (!file) return tl::unexpected<Error>(std::move(file).error().in("--cases"));
    out.cases_.push_back(std::move(*file));
  }
  return out;
}

Result<> GivenRuns::append_to(std::vector<Sample>& samples, const config::ComponentSchema& schema) const {
  for (const auto& run : runs_) samples.push_back({run.name, detect::Replayer().replay(run.events), {}});
  for (const auto& file : cases_) {
    if (file.detector != schema.id && file.detector != "all") continue;
    for (const auto& made : file.cases) {
      if (made.refused) continue;  // about parameters that no instance gets
      DUNE_TRY(parsed, config::DetectorsFile::parse(made.config, made.name));
      DUNE_TRY(resolved, parsed.resolve(std::span(&schema, 1), {}));
      const auto& detectors = resolved.profiles().front().detectors;
      Sample sample{made.name, replayed(made.events, made.baselines), {}};
      if (!detectors.empty()) sample.values = detectors.front().values;
      samples.push_back(std::move(sample));
    }
  }
  return {};
}

}  // namespace dunetrace::conformance
