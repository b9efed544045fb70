// A core Run as the records of plugin-abi.md 11, wherever texts and tables are kept. Internal to plugin/.
#pragma once

#include <dunetrace/plugin.h>

#include <optional>
#include <string_view>
#include <vector>

#include "core/run.hpp"

namespace dunetrace::plugin::records {

inline std::uint32_t abi_kind(EventKind kind) {
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

template <class Text>
dune_tool_call convert(const ToolCall& from, const Text& text) {
  dune_tool_call to{};
  to.step_index = from.step_index;
  to.ts = from.timestamp;
  to.tool_name = text(from.tool_name);
  to.args_hash = text(from.args_hash);
  to.error_hash = text(from.error_hash);
  optional(from.success, to.success, to.has, DUNE_TOOL_HAS_SUCCESS);
  optional(from.latency_ms, to.latency_ms, to.has, DUNE_TOOL_HAS_LATENCY);
  optional(from.output_length, to.output_length, to.has, DUNE_TOOL_HAS_OUTPUT_LENGTH);
  return to;
}

template <class Text>
dune_llm_call convert(const LlmCall& from, const Text& text) {
  dune_llm_call to{};
  to.step_index = from.step_index;
  to.ts = from.timestamp;
  to.model = text(from.model);
  to.finish_reason = text(from.finish_reason);
  optional(from.prompt_tokens, to.prompt_tokens, to.has, DUNE_LLM_HAS_PROMPT_TOKENS);
  optional(from.completion_tokens, to.completion_tokens, to.has, DUNE_LLM_HAS_COMPLETION_TOKENS);
  optional(from.latency_ms, to.latency_ms, to.has, DUNE_LLM_HAS_LATENCY);
  optional(from.output_length, to.output_length, to.has, DUNE_LLM_HAS_OUTPUT_LENGTH);
  return to;
}

template <class Text>
dune_retrieval convert(const Retrieval& from, const Text& text) {
  dune_retrieval to{};
  to.step_index = from.step_index;
  to.ts = from.timestamp;
  to.index_name = text(from.index_name);
  to.result_count = from.result_count;
  optional(from.top_score, to.top_score, to.has, DUNE_RETRIEVAL_HAS_TOP_SCORE);
  return to;
}

template <class Text>
dune_event convert(const Event& from, const Text& text) {
  dune_event to{};
  to.step_index = from.step_index;
  to.ts = from.timestamp;
  to.kind = abi_kind(from.kind);
  to.type = text(from.type);
  to.payload_json = text(from.payload);
  return to;
}

template <class Text>
dune_external_signal convert(const ExternalSignal& from, const Text& text) {
  dune_external_signal to{};
  to.step_index = from.step_index;
  to.ts = from.timestamp;
  to.name = text(from.name);
  to.source = text(from.source);
  to.meta_json = text(from.meta);
  return to;
}

template <class Text>
dune_step_duration convert(const StepDuration& from, const Text& text) {
  dune_step_duration to{};
  to.step_index = from.step_index;
  to.ts = from.timestamp;
  to.kind = abi_kind(from.kind);
  to.type = text(from.type);
  to.duration_ms = from.duration_ms;
  return to;
}

template <class Text>
dune_str convert(std::string_view from, const Text& text) {
  return text(from);
}

// `text` gives the dune_str of a text, `table` the dune_array of a vector of any of the above.
template <class Text, class Table>
void fill(dune_run& to, const Run& run, std::string_view category, const Text& text, const Table& table) {
  to.struct_size = sizeof to;
  to.run_id = text(run.source.run_id);
  to.agent_id = text(run.agent_id);
  to.agent_version = text(run.agent_version);
  to.category = text(category);
  to.parent_run_id = text(run.parent_run_id);
  to.exit_reason = text(run.exit_reason);
  to.input_hash = text(run.input_hash);
  to.current_step = run.current_step;
  if (run.has_exit_reason()) to.has |= DUNE_RUN_IS_COMPLETE;
  if (run.truncated) to.has |= DUNE_RUN_IS_TRUNCATED;
  const auto& learned = run.baselines;
  optional(learned.p75_steps, to.baseline_p75_steps, to.has, DUNE_RUN_HAS_BASELINE_P75_STEPS);
  optional(learned.p75_tool_latency_ms, to.baseline_p75_tool_latency_ms, to.has,
           DUNE_RUN_HAS_BASELINE_P75_TOOL_LATENCY);
  optional(learned.p75_llm_latency_ms, to.baseline_p75_llm_latency_ms, to.has, DUNE_RUN_HAS_BASELINE_P75_LLM_LATENCY);
  optional(learned.p75_token_growth, to.baseline_p75_token_growth, to.has, DUNE_RUN_HAS_BASELINE_P75_TOKEN_GROWTH);
  optional(learned.p75_llm_tool_ratio, to.baseline_p75_llm_tool_ratio, to.has,
           DUNE_RUN_HAS_BASELINE_P75_LLM_TOOL_RATIO);
  to.available_tools = table(run.available_tools);
  to.tool_calls = table(run.tool_calls);
  to.llm_calls = table(run.llm_calls);
  to.retrievals = table(run.retrievals);
  to.events = table(run.events);
  to.external_signals = table(run.external_signals);
  to.step_durations = table(run.steps);
}

}  // namespace dunetrace::plugin::records
