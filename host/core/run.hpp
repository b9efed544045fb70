// A run as replayed from its events (spec/detectors.md 1.2): what every detector looks at.
// Texts are views into the RunEvents it was built from and into `arena`; both live in the Run.
#pragma once

#include <cstdint>
#include <memory>
#include <memory_resource>
#include <optional>
#include <string_view>
#include <vector>

#include "core/event.hpp"

namespace dunetrace {

// Views whose data() is nullptr mean "not given".

struct ToolCall {
  std::string_view tool_name = "unknown";
  std::string_view args_hash = "";
  std::string_view error_hash;
  std::int32_t step_index = 0;
  double timestamp = 0;
  std::optional<bool> success;  // empty until answered
  std::optional<std::int64_t> latency_ms;
  std::optional<std::int64_t> output_length;
};

struct LlmCall {  // only answered calls (1.4)
  std::string_view model = "unknown";
  std::string_view finish_reason;
  std::int32_t step_index = 0;
  double timestamp = 0;
  std::optional<std::int64_t> prompt_tokens;  // 0 counts as unknown
  std::optional<std::int64_t> completion_tokens;
  std::optional<std::int64_t> latency_ms;
  std::optional<std::int64_t> output_length;
};

struct Retrieval {
  std::string_view index_name = "unknown";
  std::int32_t step_index = 0;
  double timestamp = 0;
  std::int64_t result_count = 0;
  std::optional<double> top_score;
};

struct ExternalSignal {
  std::string_view name;
  std::string_view source;
  std::string_view meta;  // text of a JSON object, `{}` when there is none
  std::int32_t step_index = 0;
  double timestamp = 0;
};

struct StepDuration {  // 1.5
  EventKind kind = EventKind::other;
  std::string_view type;
  std::int32_t step_index = 0;
  double timestamp = 0;
  std::int64_t duration_ms = 0;
};

// Learned per customer, agent and version (core/usual.hpp); empty = no baseline (spec/detectors.md 4).
struct Baselines {
  std::optional<double> p75_steps;
  std::optional<double> p75_tool_latency_ms;
  std::optional<double> p75_llm_latency_ms;
  std::optional<double> p75_token_growth;
  std::optional<double> p75_llm_tool_ratio;
  bool operator==(const Baselines&) const = default;
};

struct Run {
  RunEvents source;
  std::shared_ptr<std::pmr::monotonic_buffer_resource> arena;

  std::string_view agent_id;
  std::string_view agent_version;
  std::string_view parent_run_id;
  std::string_view input_hash;
  std::string_view exit_reason;  // nullptr while the run has no terminal event (1.6)
  std::int32_t current_step = 0;
  bool truncated = false;  // more events than the replay looks at, or larger payloads

  std::vector<std::string_view> available_tools;
  std::vector<ToolCall> tool_calls;
  std::vector<LlmCall> llm_calls;
  std::vector<Retrieval> retrievals;
  std::vector<ExternalSignal> external_signals;
  std::vector<Event> events;  // known kinds, duplicates removed, in order
  std::vector<StepDuration> steps;
  Baselines baselines;

  [[nodiscard]] bool has_exit_reason() const { return exit_reason.data() != nullptr; }
};

}  // namespace dunetrace
