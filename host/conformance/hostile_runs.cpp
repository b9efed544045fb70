// Runs that no agent makes, written straight into the replayed form: past admission, as a faulty or newer host might.
#include <fmt/format.h>

#include <cfloat>
#include <deque>
#include <limits>

#include "conformance/sample_runs.hpp"

namespace dunetrace::conformance {
namespace {

constexpr auto kMost = std::numeric_limits<std::int64_t>::max();
constexpr auto kLeast = std::numeric_limits<std::int64_t>::min();
constexpr auto kLastStep = std::numeric_limits<std::int32_t>::max();

Run blank() {
  Run run;
  run.source.customer_id = "check";
  run.source.run_id = "run-1";
  run.agent_id = "check-agent";
  run.agent_version = "v1";
  run.input_hash = "in";
  return run;
}

// One element of every kind with these texts and numbers.
Run one_of_each(std::string_view text, std::int64_t number, double real, std::int32_t step) {
  Run run = blank();
  run.current_step = step;
  run.agent_id = run.agent_version = run.parent_run_id = run.input_hash = run.exit_reason = text;
  run.available_tools = {text, text};
  for (int i = 0; i < 12; ++i) {
    run.tool_calls.push_back({text, text, text, step, real, i % 2 == 0, number, number});
    run.llm_calls.push_back({text, text, step, real, number, number, number, number});
    run.retrievals.push_back({text, step, real, number, real});
    run.external_signals.push_back({text, text, R"({"a":null})", step, real});
    run.steps.push_back({EventKind::tool_called, text, step, real, number});
    run.events.push_back({i, EventKind::other, step, real, text, text, text, "{}", {}});
  }
  run.baselines = {real, real, real, real, real};
  return run;
}

// The same with nothing in the optional places.
Run nothing_given() {
  Run run = blank();
  run.agent_version = run.input_hash = {};
  run.current_step = 4;
  run.available_tools = {std::string_view()};
  for (int i = 0; i < 12; ++i) {
    const std::int32_t step = i / 3;
    run.tool_calls.push_back({{}, {}, {}, step, 0, {}, {}, {}});
    run.llm_calls.push_back({{}, {}, step, 0, {}, {}, {}, {}});
    run.retrievals.push_back({{}, step, 0, 0, {}});
    run.external_signals.push_back({{}, {}, {}, step, 0});
    run.steps.push_back({EventKind::other, {}, step, 0, 0});
    run.events.push_back({i, EventKind::other, step, 0, {}, {}, {}, {}, {}});
  }
  return run;
}

Run unknown_kinds() {
  Run run = one_of_each("x.unheard_of", 1, 1, 3);
  for (auto& event : run.events) event.payload = R"({"deep":[[[[{"a":[1,2.5,"\u0000",null,true]}]]]]})";
  run.exit_reason = "a reason nobody has heard of";
  for (auto& call : run.llm_calls) call.finish_reason = "unheard_of";
  return run;
}

Run backwards() {
  Run run = one_of_each("search", 7, 1'767'225'600, 20);
  for (std::size_t i = 0; i < run.tool_calls.size(); ++i) {
    const auto back = static_cast<std::int32_t>(run.tool_calls.size() - i);
    run.tool_calls[i].step_index = run.llm_calls[i].step_index = run.events[i].step_index = back;
    run.tool_calls[i].timestamp = run.llm_calls[i].timestamp = 1'767'225'600.0 - static_cast<double>(i);
  }
  return run;
}

}  // namespace

std::vector<Sample> hostile_runs() {
  static const std::string kLong(64 * 1024, 'w');  // copied into evidence once or twice it is still within its limit
  static const std::string kNul("a\0b\0", 4);
  static const std::string kStrange = "\"\\{}\n\r\t\x01\x7f \xF0\x9F\x92\xA3 \xE2\x80\xAE \xC3\xA9 {tool} %s";
  // 2-, 3- and 4-byte characters, so that any cut by bytes falls into one.
  static const std::string kWide = [] {
    std::string text;
    for (int i = 0; i < 300; ++i) text += "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x92\xA3x";
    return text;
  }();
  std::vector<Sample> out;
  const auto add = [&](const char* name, Run run) { out.push_back({name, std::move(run), {}}); };
  add("an empty run", blank());
  add("a run of which nothing is given", nothing_given());
  add("the largest numbers", one_of_each("big", kMost, DBL_MAX, kLastStep));
  add("the smallest numbers", one_of_each("small", kLeast, -DBL_MAX, 0));
  add("zeros", one_of_each("zero", 0, 0, 0));
  add("negative numbers", one_of_each("minus", -1, -1, 1));
  add("the tiniest fractions", one_of_each("tiny", 1, DBL_TRUE_MIN, 1));
  add("empty texts", one_of_each("", 5, 1, 2));
  add("NUL in texts", one_of_each(kNul, 5, 1, 2));
  add("quotes, braces and control characters in texts", one_of_each(kStrange, 5, 1, 2));
  add("wide characters in long texts", one_of_each(kWide, 5, 1, 2));
  add("texts of 64 kB", one_of_each(kLong, 5, 1, 2));
  add("unknown kinds", unknown_kinds());
  add("steps and times that run backwards", backwards());
  return out;
}

std::vector<Sample> bulk_runs(std::size_t count) {
  std::vector<Sample> out;
  for (const bool different : {false, true}) {
    auto texts = std::make_shared<std::deque<std::string>>();
    Run run = blank();
    for (std::size_t i = 0; i < count; ++i) {
      std::string_view text = "search";
      if (different) text = texts->emplace_back(fmt::format("name-{}", i));
      const auto step = static_cast<std::int32_t>(i);
      const double time = 1'767'225'600.0 + static_cast<double>(i);
      run.available_tools.push_back(text);
      run.tool_calls.push_back({text, text, text, step, time, i % 3 != 0, 20, 100});
      run.llm_calls.push_back({"m-1", "stop", step, time, 100 + static_cast<std::int64_t>(i), 10, 500, 10});
      run.retrievals.push_back({text, step, time, i % 2 == 0 ? 0 : 4, 0.2});
      run.external_signals.push_back({text, text, "{}", step, time});
      run.steps.push_back({EventKind::tool_called, "tool.called", step, time, 500});
      run.events.push_back({step, EventKind::tool_called, step, time, "tool.called", "check-agent", "v1", "{}", {}});
    }
    run.current_step = static_cast<std::int32_t>(count);
    run.source.storage = texts;
    out.push_back({fmt::format("{} elements, all {}", count, different ? "different" : "alike"), std::move(run), {}});
  }
  return out;
}

}  // namespace dunetrace::conformance
