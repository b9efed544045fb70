// Apart from the tests, because the plugin SDK and the host use some names (Severity, Run) in the same namespace.
#include "shipped_texts.hpp"

#include "cascading_tool_failure/explanation.hpp"
#include "context_bloat/explanation.hpp"
#include "empty_llm_response/explanation.hpp"
#include "first_step_failure/explanation.hpp"
#include "goal_abandonment/explanation.hpp"
#include "llm_truncation_loop/explanation.hpp"
#include "prompt_injection_signal/explanation.hpp"
#include "rag_empty_retrieval/explanation.hpp"
#include "reasoning_stall/explanation.hpp"
#include "retry_storm/explanation.hpp"
#include "slow_step/explanation.hpp"
#include "step_count_inflation/explanation.hpp"
#include "tool_avoidance/explanation.hpp"
#include "tool_loop/explanation.hpp"
#include "tool_thrashing/explanation.hpp"

namespace dunetrace::explain::testing {

namespace {

std::string text_of(dune_str text) { return {text.ptr, text.len}; }

plugin::Template to_host(const dune_template& source) {
  plugin::Template result{text_of(source.signal_type),
                          text_of(source.title),
                          text_of(source.what),
                          text_of(source.why_it_matters),
                          text_of(source.evidence_summary),
                          {}};
  for (std::uint32_t i = 0; i < source.fix_count; ++i) {
    const auto& fix = source.fixes[i];
    result.fixes.push_back({text_of(fix.description), text_of(fix.language), text_of(fix.code)});
  }
  return result;
}

}  // namespace

std::vector<plugin::Template> shipped_templates() {
  return {to_host(tool_loop_text::kExplanations[0]),
          to_host(tool_thrashing_text::kExplanations[0]),
          to_host(tool_avoidance_text::kExplanations[0]),
          to_host(goal_abandonment_text::kExplanations[0]),
          to_host(rag_empty_retrieval_text::kExplanations[0]),
          to_host(llm_truncation_loop_text::kExplanations[0]),
          to_host(context_bloat_text::kExplanations[0]),
          to_host(slow_step_text::kExplanations[0]),
          to_host(retry_storm_text::kExplanations[0]),
          to_host(empty_llm_response_text::kExplanations[0]),
          to_host(step_count_inflation_text::kExplanations[0]),
          to_host(cascading_tool_failure_text::kExplanations[0]),
          to_host(first_step_failure_text::kExplanations[0]),
          to_host(reasoning_stall_text::kExplanations[0]),
          to_host(prompt_injection_signal_text::kExplanations[0])};
}

}  // namespace dunetrace::explain::testing
