// TOOL_AVOIDANCE: a final answer from memory although tools were available. One-shot answers are no finding. Called by
// the host through the ABI, one thread at a time per instance.
#include <dunetrace/detector.hpp>

#include <cstdint>
#include <string_view>
#include <tuple>

#include "common/evidence.hpp"
#include "common/first_party.hpp"
#include "explanation.hpp"

namespace {

struct ToolAvoidance : detectors::FirstParty {
  struct Params {
    std::int64_t min_llm_calls;
  };
  static constexpr const char* plugin_id = "dunetrace.tool_avoidance";
  static constexpr const char* id = "tool_avoidance";
  static constexpr const char* title = "Tool avoidance";
  static constexpr const char* signal = "TOOL_AVOIDANCE";
  static constexpr const char* doc = "A final answer was given without using any of the available tools.";
  static constexpr const auto& templates = tool_avoidance_text::kExplanations;
  static constexpr auto params =
      std::make_tuple(dunetrace::param(&Params::min_llm_calls, "min_llm_calls", 2, 1, 10'000, "calls",
                                       "Answered model calls needed before judging; a one-shot answer is no finding."));

  explicit ToolAvoidance(const Params& p) : p_(p) {}

  void detect(dunetrace::Run run, dunetrace::Sink& out) const {
    const auto llm_calls = static_cast<std::int64_t>(run.llm_calls().size());
    if (!run.ended_with("final_answer") || run.available_tools().empty() || !run.tool_calls().empty()) return;
    if (llm_calls < p_.min_llm_calls) return;
    auto found = out.signal(dunetrace::Severity::medium, 0.75, run.step());
    detectors::with_list(found, "available_tools", run.available_tools(), [](std::string_view name) { return name; });
    found.with("tool_calls_made", 0).with("llm_calls", llm_calls).emit();
  }

 private:
  Params p_;
};

}  // namespace

DUNE_DETECTOR_PLUGIN(ToolAvoidance)
