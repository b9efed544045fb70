// A plugin of version 1.0 through the C++ layer, kept as a binary (frozen_cpp.so): one detector that reads every array
// of the run and writes evidence of every kind. It was built once and is never built again; this file says what the
// binary does. See README.md.
#include <dunetrace/detector.hpp>

#include <map>
#include <string>
#include <vector>

namespace {

struct Census {
  struct Params {
    std::int64_t most;
    double factor;
    bool strict;
    std::string tool;
  };
  static constexpr const char *plugin_id = "dunetrace.frozen.cpp", *vendor = "Dunetrace", *version = "1.0.0",
                              *license = "Apache-2.0", *id = "frozen_cpp_census", *title = "Frozen census",
                              *signal = "FROZEN_CPP_CENSUS", *doc = "Counts what a run is made of.";
  static constexpr auto params =
      std::make_tuple(dunetrace::param(&Params::most, "most", 100, 1, 1000, "events", "Events that are looked at."),
                      dunetrace::param(&Params::factor, "factor", 1.5, 1.0, 10.0, "ratio", "Growth that is a signal."),
                      dunetrace::param(&Params::strict, "strict", true, "Whether unknown answers count as failures."),
                      dunetrace::param(&Params::tool, "tool", "search", "", "The tool that is counted."));
  static constexpr dune_fix fixes[] = {
      {dunetrace::lit("Do less of {tool}"), dunetrace::lit("text"), dunetrace::lit("at most {of_tool} calls")}};
  static constexpr dune_template templates[] = {
      {sizeof(dune_template), 1, dunetrace::lit("FROZEN_CPP_CENSUS"), dunetrace::lit("{events} events"),
       dunetrace::lit("{tool_calls} tool calls, {llm_calls} model calls."), dunetrace::lit("So that it can be seen."),
       dunetrace::lit("{events} events, {of_tool} of {tool}"), fixes},
      {sizeof(dune_template), 0, dunetrace::lit("FROZEN_CPP_GROWTH"), dunetrace::lit("Grew {growth}x"),
       dunetrace::lit("From {first} to {last} tokens."), dunetrace::lit("It costs."),
       dunetrace::lit("{first} to {last}"), nullptr}};
  static const char* check(const Params& p) { return p.tool.empty() ? "tool must not be empty" : nullptr; }

  Census(const Params& p, dunetrace::Host host) : p_(p), host_(host), json_(host) {
    host_.log(DUNE_LOG_INFO, "frozen_cpp_census was created");
  }

  void detect(dunetrace::Run run, dunetrace::Sink& out) {
    if (run.agent_id() == "agent-fails") throw dunetrace::Failure(DUNE_E_LIMIT, "asked to fail");
    if (run.agent_id() == "agent-throws") throw std::string("something that is no exception");
    census(run, out);
    growth(run, out);
  }

 private:
  void census(dunetrace::Run run, dunetrace::Sink& out) {
    std::map<std::string, std::int64_t, std::less<>> kinds;
    double n_sum = 0;
    std::vector<std::string> texts;
    for (const auto event : run.events()) {
      ++kinds[std::string(event.type())];
      n_sum += json_.f64(event.payload_json(), "/n").value_or(0);
      if (const auto text = json_.string(event.payload_json(), "/text")) texts.emplace_back(*text);
    }
    std::int64_t of_tool = 0, failed = 0, tool_ms = 0;
    for (const auto call : run.tool_calls()) {
      of_tool += call.name() == p_.tool;
      failed += call.failed() || (p_.strict && !call.success());
      tool_ms += call.latency_ms().value_or(0) + call.output_length().value_or(0);
    }
    std::int64_t results = 0;
    double best = 0;
    for (const auto retrieval : run.retrievals()) {
      results += retrieval.result_count();
      best = retrieval.top_score().value_or(best);
    }
    std::int64_t longest = 0;
    for (const auto step : run.step_durations()) longest = step.duration_ms() > longest ? step.duration_ms() : longest;
    std::vector<std::string_view> tools(run.available_tools().begin(), run.available_tools().end());
    out.signal(dunetrace::Severity::low, 0.5, run.step())
        .with("run", run.run_id())
        .with("category", run.category())
        .with("version", run.agent_version())
        .with("parent", run.parent_run_id())
        .with("input", run.input_hash())
        .with("exit", run.exit_reason())
        .with("complete", run.is_complete())
        .with("truncated", run.is_truncated())
        .with("p75_steps", run.baseline_p75_steps())
        .with("p75_tool_latency", run.baseline_p75_tool_latency_ms())
        .with("p75_llm_latency", run.baseline_p75_llm_latency_ms())
        .with("p75_token_growth", run.baseline_p75_token_growth())
        .with("p75_llm_tool_ratio", run.baseline_p75_llm_tool_ratio())
        .with("available_tools", tools)
        .with("events", run.events().size())
        .with("tool_calls", run.tool_calls().size())
        .with("llm_calls", run.llm_calls().size())
        .with("tool", p_.tool)
        .with("of_tool", of_tool)
        .with("failed", failed)
        .with("tool_ms", tool_ms)
        .with("results", results)
        .with("best", best)
        .with("longest", longest)
        .with("n_sum", n_sum)
        .with("texts", texts)
        .with("nothing", nullptr)
        .with_if(p_.strict, "strict", p_.strict)
        .with_object("kinds",
                     [&](auto& json) {
                       for (const auto& [name, count] : kinds) json.value(name, count);
                     })
        .with_array(
            "external",
            [&](auto& json) {
              for (const auto signal : run.external_signals()) {
                json.object([&](auto& o) {
                  o.value("name", signal.name()).value("source", signal.source()).raw("meta", signal.meta_json());
                });
              }
            })
        .emit();
  }

  void growth(dunetrace::Run run, dunetrace::Sink& out) const {
    const auto calls = run.llm_calls().last(static_cast<std::size_t>(p_.most));
    if (calls.size() < 2) return;
    const auto first = calls.front().prompt_tokens(), last = calls.back().prompt_tokens();
    if (!first || !last || static_cast<double>(*last) < p_.factor * static_cast<double>(*first)) return;
    const auto rate = static_cast<double>(*last) / static_cast<double>(*first);
    out.signal(dunetrace::Severity::critical, 1.0, calls.back().step())
        .type("FROZEN_CPP_GROWTH")
        .with("first", *first)
        .with("last", *last)
        .with("growth", rate)
        .with("model", calls.back().model())
        .with("finish", calls.back().finish_reason())
        .emit();
  }

  Params p_;
  dunetrace::Host host_;
  dunetrace::JsonReader json_;
};

}  // namespace

DUNE_DETECTOR_PLUGIN(Census)
