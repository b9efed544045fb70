// EMPTY_LLM_RESPONSE: the model ended normally and said nothing. Called by the host through the ABI, one thread at a
// time per instance.
#include <dunetrace/detector.hpp>

#include <cstdint>
#include <optional>
#include <tuple>

#include "common/empty_response.hpp"
#include "common/first_party.hpp"
#include "explanation.hpp"

namespace {

struct EmptyLlmResponse : detectors::FirstParty {
  struct Params {};
  static constexpr const char* plugin_id = "dunetrace.empty_llm_response";
  static constexpr const char* id = "empty_llm_response";
  static constexpr const char* title = "Empty model response";
  static constexpr const char* signal = "EMPTY_LLM_RESPONSE";
  static constexpr const char* doc = "A model call ended normally with an output of length zero.";
  static constexpr const auto& templates = empty_llm_response_text::kExplanations;
  static constexpr auto params = std::make_tuple();

  explicit EmptyLlmResponse(const Params&) {}

  void detect(dunetrace::Run run, dunetrace::Sink& out) const {
    std::optional<std::int32_t> first_step;
    std::int64_t occurrences = 0;
    for (const dunetrace::LlmCall call : run.llm_calls()) {
      if (!detectors::is_empty_response(call)) continue;
      if (!first_step) first_step = call.step();
      ++occurrences;
    }
    if (!first_step) return;
    out.signal(dunetrace::Severity::high, 0.95, *first_step)
        .with("occurrences", occurrences)
        .with("first_step", *first_step)
        .with("finish_reason", "stop")
        .emit();
  }
};

}  // namespace

DUNE_DETECTOR_PLUGIN(EmptyLlmResponse)
