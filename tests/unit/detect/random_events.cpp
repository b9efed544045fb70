#include "random_events.hpp"

#include <fmt/format.h>

#include <array>

namespace dunetrace::detect::testing {
namespace {

constexpr std::array<std::string_view, 13> kTypes{
    "run.started",     "run.completed",    "run.errored", "llm.called",     "llm.responded",
    "tool.called",     "tool.responded",   "tool.called", "tool.responded", "retrieval.responded",
    "external.signal", "policy.triggered", "tool.danced"};

constexpr std::array<std::string_view, 24> kPayloads{
    "{}",
    R"({"tool_name":"a","success":true})",
    R"({"tool_name":"a","success":false,"error_hash":"e1","latency_ms":16000})",
    R"({"tool_name":"b","args_hash":"1","success":false})",
    R"({"tool_name":"b","success":null})",
    R"({"tool_name":"","success":true,"latency_ms":"many"})",
    R"({"tool_name":"\u00e9\ud83d\ude00","args_hash":"x\ny"})",
    R"({"tool_name":"a","args_hash":"same"})",
    R"({"tool_name":7,"args_hash":[],"success":[0]})",
    R"({"success":0})",
    R"({"model":"m","prompt_tokens":900})",
    R"({"model":"m","prompt_tokens":"900"})",
    R"({"prompt_tokens":4000.9,"finish_reason":"stop","output_length":0,"latency_ms":31000})",
    R"({"finish_reason":"length","output_length":20,"completion_tokens":5})",
    R"({"finish_reason":"max_tokens","model":null})",
    R"({"tools":["a",3,null,"b"],"input_hash":"h","injection_signal":{"matched_pattern_count":2}})",
    R"({"tools":{"a":1},"injection_signal":[]})",
    R"({"exit_reason":"final_answer"})",
    R"({"exit_reason":{"deep":[1,{"x":[]}]}})",
    R"({"index_name":"docs","result_count":0,"top_score":0.2})",
    R"({"index_name":null,"result_count":-1e30,"top_score":1e400})",
    R"({"signal_name":"rate_limit","source":"x","meta":{"b":1,"a":[1,{"c":null}]},"flat":"y"})",
    R"({"signal_name":"","meta":"none","z":1,"y":{"q":[true]}})",
    R"({"prompt_tokens":0,"unknown":{"a":{"b":{"c":[[[]]]}}}})"};

template <class T>
std::string optional_text(const std::optional<T>& value) {
  return value ? fmt::format("{}", *value) : "none";
}

std::string given(std::string_view text) { return text.data() == nullptr ? "none" : fmt::format("'{}'", text); }

}  // namespace

std::size_t pick(Random& random, std::size_t most) { return random() % most; }

RunEvents random_run(Random& random, std::size_t events, bool ties) {
  RunEvents run{"customer", "run", {}, nullptr};
  const auto steps = 1 + pick(random, events + 1);
  for (std::size_t i = 0; i < events; ++i) {
    Event event;
    event.id = static_cast<std::int64_t>(i) + 1;
    event.type = kTypes[pick(random, kTypes.size())];
    event.kind = event_kind(event.type);
    event.step_index = static_cast<std::int32_t>(pick(random, steps));
    // Without ties a time of its own; with them a few for the whole run.
    event.timestamp =
        1767225600.0 + (ties ? static_cast<double>(pick(random, 4))
                             : static_cast<double>(pick(random, 90'000)) + static_cast<double>(i) / 65536.0);
    event.agent_id = "agent";
    event.agent_version = "v1";
    event.payload = kPayloads[pick(random, kPayloads.size())];
    run.events.push_back(event);
  }
  return run;
}

std::string as_text(const Run& run) {
  auto out = fmt::format("{} {} parent {} input {} exit {} step {} cut {} tools", run.agent_id, run.agent_version,
                         given(run.parent_run_id), given(run.input_hash), given(run.exit_reason), run.current_step,
                         run.truncated);
  for (const auto tool : run.available_tools) out += " " + given(tool);
  for (const auto& c : run.tool_calls) {
    out += fmt::format("\ntool {} {} {} step {} at {} success {} took {} long {}", given(c.tool_name),
                       given(c.args_hash), given(c.error_hash), c.step_index, c.timestamp, optional_text(c.success),
                       optional_text(c.latency_ms), optional_text(c.output_length));
  }
  for (const auto& c : run.llm_calls) {
    out += fmt::format("\nllm {} {} step {} at {} prompt {} completion {} took {} long {}", given(c.model),
                       given(c.finish_reason), c.step_index, c.timestamp, optional_text(c.prompt_tokens),
                       optional_text(c.completion_tokens), optional_text(c.latency_ms), optional_text(c.output_length));
  }
  for (const auto& r : run.retrievals) {
    out += fmt::format("\nretrieval {} step {} at {} results {} score {}", given(r.index_name), r.step_index,
                       r.timestamp, r.result_count, optional_text(r.top_score));
  }
  for (const auto& s : run.external_signals) {
    out += fmt::format("\nsignal {} {} {} step {} at {}", given(s.name), given(s.source), s.meta, s.step_index,
                       s.timestamp);
  }
  for (const auto& e : run.events) {
    out += fmt::format("\nevent {} step {} at {} {}", e.type, e.step_index, e.timestamp, e.payload);
  }
  for (const auto& d : run.steps) {
    out += fmt::format("\nduration {} step {} at {} ms {}", d.type, d.step_index, d.timestamp, d.duration_ms);
  }
  return out;
}

}  // namespace dunetrace::detect::testing
