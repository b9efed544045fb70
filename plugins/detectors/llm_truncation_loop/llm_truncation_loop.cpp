// LLM_TRUNCATION_LOOP: the model hits its output limit again and again and the agent goes on with cut-off text. Called
// by the host through the ABI, one thread at a time per instance.
#include <dunetrace/detector.hpp>

#include <cstdint>
#include <set>
#include <string_view>
#include <tuple>
#include <vector>

#include "common/evidence.hpp"
#include "common/first_party.hpp"
#include "common/formulas.hpp"
#include "explanation.hpp"

namespace {

using dunetrace::LlmCall;

struct LlmTruncationLoop : detectors::FirstParty {
  struct Params {
    std::int64_t threshold;
  };
  static constexpr const char* plugin_id = "dunetrace.llm_truncation_loop";
  static constexpr const char* id = "llm_truncation_loop";
  static constexpr const char* title = "Truncation loop";
  static constexpr const char* signal = "LLM_TRUNCATION_LOOP";
  static constexpr const char* doc = "Model answers were cut off at the output limit repeatedly.";
  static constexpr const auto& templates = llm_truncation_loop_text::kExplanations;
  static constexpr auto params =
      std::make_tuple(dunetrace::param(&Params::threshold, "threshold", 2, 1, 10'000, "calls",
                                       "Cut-off answers that count; they need not follow each other."));

  explicit LlmTruncationLoop(const Params& p) : p_(p) {}

  void detect(dunetrace::Run run, dunetrace::Sink& out) const {
    std::vector<LlmCall> cut;
    for (const LlmCall call : run.llm_calls()) {
      if (is_truncated(call)) cut.push_back(call);
    }
    const auto count = static_cast<std::int64_t>(cut.size());
    if (count < p_.threshold) return;

    std::vector<std::int64_t> tokens;
    std::set<std::string_view> models;
    for (const LlmCall& call : cut) {
      if (const auto known = call.prompt_tokens()) tokens.push_back(*known);
      models.insert(call.model());
    }
    auto found =
        out.signal(dunetrace::Severity::high, detectors::scale(detectors::ratio_of(count, p_.threshold)), run.step());
    found.with("truncation_count", count)
        .with("total_llm_calls", run.llm_calls().size())
        .with("first_truncation_step", cut.front().step())
        .with("last_truncation_step", cut.back().step());
    detectors::with_list(found, "token_counts_at_truncation", tokens, [](std::int64_t n) { return n; });
    detectors::with_list(found, "models", models, [](std::string_view name) { return name; });
    found.emit();
  }

 private:
  // `max_tokens` is another provider's word for `length`.
  static bool is_truncated(const LlmCall& call) {
    const auto reason = call.finish_reason();
    return reason == "length" || reason == "max_tokens";
  }

  Params p_;
};

}  // namespace

DUNE_DETECTOR_PLUGIN(LlmTruncationLoop)
