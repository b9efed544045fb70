#include "plugin/run_view.hpp"

#include <cstring>

#include "plugin/take.hpp"

namespace dunetrace::plugin {
namespace {

std::uint32_t abi_kind(EventKind kind) {
  switch (kind) {
    case EventKind::other:
      return DUNE_EVENT_OTHER;
    case EventKind::run_started:
      return DUNE_EVENT_RUN_STARTED;
    case EventKind::run_completed:
      return DUNE_EVENT_RUN_COMPLETED;
    case EventKind::run_errored:
      return DUNE_EVENT_RUN_ERRORED;
    case EventKind::llm_called:
      return DUNE_EVENT_LLM_CALLED;
    case EventKind::llm_responded:
      return DUNE_EVENT_LLM_RESPONDED;
    case EventKind::tool_called:
      return DUNE_EVENT_TOOL_CALLED;
    case EventKind::tool_responded:
      return DUNE_EVENT_TOOL_RESPONDED;
    case EventKind::retrieval_called:
      return DUNE_EVENT_RETRIEVAL_CALLED;
    case EventKind::retrieval_responded:
      return DUNE_EVENT_RETRIEVAL_RESPONDED;
    case EventKind::external_signal:
      return DUNE_EVENT_EXTERNAL_SIGNAL;
    case EventKind::policy_triggered:
      return DUNE_EVENT_POLICY_TRIGGERED;
  }
  return DUNE_EVENT_OTHER;
}

template <class Field, class T>
void optional(const std::optional<T>& from, Field& to, std::uint32_t& has, std::uint32_t bit) {
  if (!from) return;
  to = static_cast<Field>(*from);
  has |= bit;
}

dune_tool_call convert(const ToolCall& from) {
  dune_tool_call to{};
  to.step_index = from.step_index;
  to.ts = from.timestamp;
  to.tool_name = to_str(from.tool_name);
  to.args_hash = to_str(from.args_hash);
  to.error_hash = to_str(from.error_hash);
  optional(from.success, to.success, to.has, DUNE_TOOL_HAS_SUCCESS);
  optional(from.latency_ms, to.latency_ms, to.has, DUNE_TOOL_HAS_LATENCY);
  optional(from.output_length, to.output_length, to.has, DUNE_TOOL_HAS_OUTPUT_LENGTH);
  return to;
}

dune_llm_call convert(const LlmCall& from) {
  dune_llm_call to{};
  to.step_index = from.step_index;
  to.ts = from.timestamp;
  to.model = to_str(from.model);
  to.finish_reason = to_str(from.finish_reason);
  optional(from.prompt_tokens, to.prompt_tokens, to.has, DUNE_LLM_HAS_PROMPT_TOKENS);
  optional(from.completion_tokens, to.completion_tokens, to.has, DUNE_LLM_HAS_COMPLETION_TOKENS);
  optional(from.latency_ms, to.latency_ms, to.has, DUNE_LLM_HAS_LATENCY);
  optional(from.output_length, to.output_length, to.has, DUNE_LLM_HAS_OUTPUT_LENGTH);
  return to;
}

dune_retrieval convert(const Retrieval& from) {
  dune_retrieval to{};
  to.step_index = from.step_index;
  to.ts = from.timestamp;
  to.index_name = to_str(from.index_name);
  to.result_count = from.result_count;
  optional(from.top_score, to.top_score, to.has, DUNE_RETRIEVAL_HAS_TOP_SCORE);
  return to;
}

dune_event convert(const Event& from) {
  dune_event to{};
  to.step_index = from.step_index;
  to.ts = from.timestamp;
  to.kind = abi_kind(from.kind);
  to.type = to_str(from.type);
  to.payload_json = to_str(from.payload);
  return to;
}

dune_external_signal convert(const ExternalSignal& from) {
  dune_external_signal to{};
  to.step_index = from.step_index;
  to.ts = from.timestamp;
  to.name = to_str(from.name);
  to.source = to_str(from.source);
  to.meta_json = to_str(from.meta);
  return to;
}

dune_step_duration convert(const StepDuration& from) {
  dune_step_duration to{};
  to.step_index = from.step_index;
  to.ts = from.timestamp;
  to.kind = abi_kind(from.kind);
  to.type = to_str(from.type);
  to.duration_ms = from.duration_ms;
  return to;
}

dune_str convert(std::string_view from) { return to_str(from); }

}  // namespace

template <class T>
dune_array RunView::table(const std::vector<T>& elements) {
  using Record = decltype(convert(elements.front()));
  const std::size_t stride = sizeof(Record) + padding_;
  auto& bytes = tables_.emplace_back();
  bytes.resize(stride * elements.size(), 0xEE);
  for (std::size_t i = 0; i < elements.size(); ++i) {
    const Record record = convert(elements[i]);
    std::memcpy(bytes.data() + i * stride, &record, sizeof record);
  }
  return {bytes.data(), static_cast<std::uint32_t>(elements.size()), static_cast<std::uint32_t>(stride)};
}

RunView::RunView(const Run& run, std::string_view category, std::size_t padding) : padding_(padding) {
  tables_.reserve(7);
  run_.struct_size = sizeof run_;
  run_.run_id = to_str(run.source.run_id);
  run_.agent_id = to_str(run.agent_id);
  run_.agent_version = to_str(run.agent_version);
  run_.category = to_str(category);
  run_.parent_run_id = to_str(run.parent_run_id);
  run_.exit_reason = to_str(run.exit_reason);
  run_.input_hash = to_str(run.input_hash);
  run_.current_step = run.current_step;
  if (run.has_exit_reason()) run_.has |= DUNE_RUN_IS_COMPLETE;
  if (run.truncated) run_.has |= DUNE_RUN_IS_TRUNCATED;
  const auto& learned = run.baselines;
  optional(learned.p75_steps, run_.baseline_p75_steps, run_.has, DUNE_RUN_HAS_BASELINE_P75_STEPS);
  optional(learned.p75_tool_latency_ms, run_.baseline_p75_tool_latency_ms, run_.has,
           DUNE_RUN_HAS_BASELINE_P75_TOOL_LATENCY);
  optional(learned.p75_llm_latency_ms, run_.baseline_p75_llm_latency_ms, run_.has,
           DUNE_RUN_HAS_BASELINE_P75_LLM_LATENCY);
  optional(learned.p75_token_growth, run_.baseline_p75_token_growth, run_.has, DUNE_RUN_HAS_BASELINE_P75_TOKEN_GROWTH);
  optional(learned.p75_llm_tool_ratio, run_.baseline_p75_llm_tool_ratio, run_.has,
           DUNE_RUN_HAS_BASELINE_P75_LLM_TOOL_RATIO);
  run_.available_tools = table(run.available_tools);
  run_.tool_calls = table(run.tool_calls);
  run_.llm_calls = table(run.llm_calls);
  run_.retrievals = table(run.retrievals);
  run_.events = table(run.events);
  run_.external_signals = table(run.external_signals);
  run_.step_durations = table(run.steps);
}

}  // namespace dunetrace::plugin
