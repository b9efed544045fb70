// REASONING_STALL: the agent thinks instead of acting: many model calls for few tool calls. Judged against what is
// usual for this version where that is known. Called by the host through the ABI, one thread at a time per instance.
#include <dunetrace/detector.hpp>

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <tuple>
#include <vector>

#include "common/evidence.hpp"
#include "common/first_party.hpp"
#include "common/formulas.hpp"
#include "explanation.hpp"

namespace {

struct ReasoningStall : detectors::FirstParty {
  struct Params {
    std::int64_t min_llm_calls;
    double ratio_threshold, inflation_factor;
  };
  static constexpr const char* plugin_id = "dunetrace.reasoning_stall";
  static constexpr const char* id = "reasoning_stall";
  static constexpr const char* title = "Reasoning stall";
  static constexpr const char* signal = "REASONING_STALL";
  static constexpr const char* doc = "Far more model calls than tool calls: the agent thinks instead of acting.";
  static constexpr const auto& templates = reasoning_stall_text::kExplanations;
  static constexpr auto params =
      std::make_tuple(dunetrace::param(&Params::min_llm_calls, "min_llm_calls", 5, 1, 10'000, "calls",
                                       "Answered model calls needed before judging."),
                      dunetrace::param(&Params::ratio_threshold, "ratio_threshold", 4.0, 0.1, 10'000.0, "ratio",
                                       "Model calls per tool call that count, while no ratio has been learned."),
                      dunetrace::param(&Params::inflation_factor, "inflation_factor", 2.0, 0.1, 10'000.0, "ratio",
                                       "Times the learned ratio (75th percentile) that counts, once it is known."));

  explicit ReasoningStall(const Params& p) : p_(p) {}

  void detect(dunetrace::Run run, dunetrace::Sink& out) const {
    const auto llm_calls = static_cast<std::int64_t>(run.llm_calls().size());
    const auto tool_calls = static_cast<std::int64_t>(run.tool_calls().size());
    if (run.ended_with("error") || llm_calls < p_.min_llm_calls) return;
    const auto baseline = run.baseline_p75_llm_tool_ratio();
    const double ratio = detectors::ratio_of(llm_calls, std::max<std::int64_t>(tool_calls, 1));
    const double threshold = baseline ? *baseline * p_.inflation_factor : p_.ratio_threshold;
    if (!(ratio >= threshold)) return;

    // A stall that led to an answer cost tokens; one that did not cost the run.
    const auto severity = run.ended_with("final_answer") ? dunetrace::Severity::medium : dunetrace::Severity::high;
    auto found = out.signal(severity, detectors::scale(ratio / threshold), run.step());
    found.with("llm_calls", llm_calls)
        .with("tool_calls", tool_calls)
        .with("ratio", detectors::round2(ratio))
        .with("threshold", detectors::round2(threshold))
        .with("exit_reason", detectors::clip(run.exit_reason()));
    detectors::with_list(found, "event_sequence", calls_in_order(run), [](std::string_view kind) { return kind; });
    if (baseline) found.with("baseline_p75", detectors::round2(*baseline));
    found.emit();
  }

 private:
  static std::vector<std::string_view> calls_in_order(dunetrace::Run run) {
    std::vector<std::string_view> kinds;
    for (const dunetrace::Event event : run.events()) {
      if (event.kind() == DUNE_EVENT_LLM_CALLED) kinds.emplace_back("llm");
      if (event.kind() == DUNE_EVENT_TOOL_CALLED) kinds.emplace_back("tool");
    }
    return kinds;
  }

  Params p_;
};

}  // namespace

DUNE_DETECTOR_PLUGIN(ReasoningStall)
