#include "cli/demo_script.hpp"

#include <algorithm>

#include "core/hash.hpp"
#include "core/ids.hpp"

namespace dunetrace::cli {
namespace {

constexpr double kThinkingS = 0.02;  // an agent's own work between two events

}  // namespace

std::string agent_version(const DemoAgent& agent) {
  auto tools = agent.tools;
  std::ranges::sort(tools);
  std::string list;
  for (const auto& tool : tools) list += (list.empty() ? "'" : ", '") + tool + "'";
  return sha256_hex(agent.prompt + ":" + agent.model + ":[" + list + "]").substr(0, 8);
}

DemoScript::DemoScript(const DemoAgent& agent, double began, std::string_view input, std::string_view injection)
    : agent_(agent), run_id_(new_uuid()), version_(agent_version(agent)), now_(began) {
  out_.begin_array();
  begin("run.started");
  out_.field("input_hash", hash16(input));
  out_.field("model", agent.model);
  out_.key("tools");
  out_.begin_array();
  for (const auto& tool : agent.tools) out_.string(tool);
  out_.end_array();
  if (!injection.empty()) out_.field_raw("injection_signal", injection);
  end();
}

void DemoScript::begin(std::string_view type) {
  out_.begin_object();
  out_.field("event_type", type);
  out_.field("run_id", run_id_);
  out_.field("agent_id", agent_.id);
  out_.field("agent_version", version_);
  out_.field("step_index", step_);
  out_.field("timestamp", now_);
  out_.key("payload");
  out_.begin_object();
}

void DemoScript::end() {
  out_.end_object();
  out_.end_object();
  now_ += kThinkingS;
  ++events_;
}

DemoScript& DemoScript::llm(const LlmAnswer& answer) {
  ++step_;
  begin("llm.called");
  out_.field("model", agent_.model);
  out_.field("prompt_tokens", answer.prompt_tokens);
  end();
  now_ += answer.latency_ms / 1000.0;
  begin("llm.responded");
  out_.field("completion_tokens", answer.completion_tokens);
  out_.field("latency_ms", answer.latency_ms);
  out_.field("finish_reason", answer.finish_reason);
  out_.field("output_length", answer.output_length);
  out_.field("output_hash", answer.output_length == 0 ? std::string() : hash16(run_id_ + std::to_string(step_)));
  end();
  return *this;
}

void DemoScript::call(std::string_view name, std::string_view args) {
  ++step_;
  ++tool_calls_;
  begin("tool.called");
  out_.field("tool_name", name);
  out_.field("args_hash", hash16(args));
  end();
}

void DemoScript::answer(std::string_view name, bool success, int latency_ms, std::string_view error) {
  now_ += latency_ms / 1000.0;
  begin("tool.responded");
  out_.field("tool_name", name);
  out_.field("success", success);
  out_.field("output_length", success ? 640 : 0);
  out_.field("latency_ms", latency_ms);
  if (!success) out_.field("error_hash", hash16(error));
  end();
}

DemoScript& DemoScript::tool(std::string_view name, std::string_view args, bool success, int latency_ms,
                             std::string_view error) {
  call(name, args);
  answer(name, success, latency_ms, error);
  return *this;
}

DemoScript& DemoScript::slow_tool(std::string_view name, std::string_view args, int latency_ms, std::string_view signal,
                                  std::string_view source) {
  call(name, args);
  begin("external.signal");
  out_.field("signal_name", signal);
  out_.field("source", source);
  end();
  answer(name, true, latency_ms, {});
  return *this;
}

DemoScript& DemoScript::retrieval(std::string_view index, int results, double top_score) {
  ++step_;
  begin("retrieval.called");
  out_.field("index_name", index);
  out_.field("query_hash", hash16(run_id_));
  end();
  now_ += 0.18;
  begin("retrieval.responded");
  out_.field("index_name", index);
  out_.field("result_count", results);
  if (results > 0) out_.field("top_score", top_score);
  out_.field("latency_ms", 180);
  end();
  return *this;
}

void DemoScript::finish(std::string_view exit_reason) {
  begin("run.completed");
  out_.field("exit_reason", exit_reason);
  out_.field("total_steps", step_);
  out_.field("tool_call_count", tool_calls_);
  end();
}

DemoScript& DemoScript::final_answer() {
  finish("final_answer");
  return *this;
}

DemoScript& DemoScript::completed() {
  finish("completed");
  return *this;
}

DemoScript& DemoScript::errored(std::string_view error_type) {
  begin("run.errored");
  out_.field("error_type", error_type);
  out_.field("error_hash", hash16(error_type));
  out_.field("step_index", step_);
  end();
  return *this;
}

std::string DemoScript::body(std::string_view api_key) {
  out_.end_array();
  json::Writer body;
  body.begin_object();
  body.field("api_key", api_key);
  body.field("agent_id", agent_.id);
  body.field_raw("events", out_.text());
  body.end_object();
  return body.take();
}

}  // namespace dunetrace::cli
