// CONTEXT_BLOAT: the prompt grows from call to call because nothing is pruned. Judged against what is usual for this
// version where that is known. Called by the host through the ABI, one thread at a time per instance.
#include <dunetrace/detector.hpp>

#include <cstdint>
#include <tuple>
#include <vector>

#include "common/evidence.hpp"
#include "common/first_party.hpp"
#include "common/formulas.hpp"
#include "explanation.hpp"

namespace {

using dunetrace::LlmCall;

// Growth from a first prompt below this says nothing: the count is a client's guess or a placeholder.
constexpr std::int64_t kMinFirstTokens = 10;

struct ContextBloat : detectors::FirstParty {
  struct Params {
    double growth_factor;
    std::int64_t min_calls, min_last_tokens;
    double inflation_factor;
  };
  static constexpr const char* plugin_id = "dunetrace.context_bloat";
  static constexpr const char* id = "context_bloat";
  static constexpr const char* title = "Context bloat";
  static constexpr const char* signal = "CONTEXT_BLOAT";
  static constexpr const char* doc = "The prompt grows during a run far beyond what it began with.";
  static constexpr const auto& templates = context_bloat_text::kExplanations;
  static constexpr auto params = std::make_tuple(
      dunetrace::param(&Params::growth_factor, "growth_factor", 3.0, 1.0, 10'000.0, "ratio",
                       "Last prompt divided by first prompt that counts, while no growth has been learned."),
      dunetrace::param(&Params::min_calls, "min_calls", 3, 1, 10'000, "calls",
                       "Model calls with known prompt tokens needed before judging."),
      dunetrace::param(&Params::min_last_tokens, "min_last_tokens", 2000, 0, 100'000'000, "tokens",
                       "Stay silent while the last prompt is smaller than this."),
      dunetrace::param(&Params::inflation_factor, "inflation_factor", 2.0, 0.1, 10'000.0, "ratio",
                       "Times the learned growth (75th percentile) that counts, once it is known."));

  explicit ContextBloat(const Params& p) : p_(p) {}

  void detect(dunetrace::Run run, dunetrace::Sink& out) const {
    std::vector<LlmCall> calls;
    for (const LlmCall call : run.llm_calls()) {
      if (call.prompt_tokens().value_or(0) > 0) calls.push_back(call);
    }
    if (calls.empty() || static_cast<std::int64_t>(calls.size()) < p_.min_calls) return;
    const auto first = *calls.front().prompt_tokens(), last = *calls.back().prompt_tokens();
    if (first < kMinFirstTokens || last < p_.min_last_tokens) return;

    const auto baseline = run.baseline_p75_token_growth();
    const double growth = detectors::ratio_of(last, first);
    const double threshold = baseline ? *baseline * p_.inflation_factor : p_.growth_factor;
    if (!(growth >= threshold)) return;

    auto found = out.signal(dunetrace::Severity::medium, detectors::scale(growth / threshold), run.step());
    found.with("first_tokens", first)
        .with("last_tokens", last)
        .with("growth_factor", detectors::round2(growth))
        .with("threshold_factor", detectors::round2(threshold))
        .with("llm_call_count", calls.size())
        .with("first_call_step", calls.front().step())
        .with("last_call_step", calls.back().step());
    write_curve(found, calls);
    if (baseline) found.with("baseline_p75", detectors::round2(*baseline));
    found.emit();
  }

 private:
  static void write_curve(dunetrace::Signal& found, const std::vector<LlmCall>& calls) {
    constexpr std::size_t kPointBytes = 64;  // {"step":2147483647,"tokens":9223372036854775807},
    detectors::ListBudget budget;
    found.with_array("token_growth_sequence", [&](dunetrace::JsonWriter& json) {
      for (const LlmCall& call : calls) {
        if (!budget.take(kPointBytes)) continue;
        json.object([&](dunetrace::JsonWriter& point) {
          point.value("step", call.step()).value("tokens", *call.prompt_tokens());
        });
      }
    });
    detectors::note_omitted(found, "token_growth_sequence", budget);
  }

  Params p_;
};

}  // namespace

DUNE_DETECTOR_PLUGIN(ContextBloat)
