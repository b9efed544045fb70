// When a model answer counts as empty; EMPTY_LLM_RESPONSE and FIRST_STEP_FAILURE mean the same by it.
#pragma once
#include <dunetrace/view.hpp>

namespace detectors {

// A normal stop with a known length of 0. Clients that do not know the length send 0 too, so an answer that is known
// to have produced tokens is not empty. `end_turn` is another provider's word for `stop`.
inline bool is_empty_response(const dunetrace::LlmCall& call) {
  const auto reason = call.finish_reason();
  if (reason != "stop" && reason != "end_turn") return false;
  return call.output_length() == 0 && call.completion_tokens().value_or(0) <= 0;
}

}  // namespace detectors
