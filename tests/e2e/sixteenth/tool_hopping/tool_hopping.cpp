// TOOL_HOPPING: the agent tries one tool after the other. A detector that nobody but this folder knows of: what
// somebody writes who adds one (tests/e2e/test_sixteenth.py). Called by the host through the ABI, one thread at a time
// per instance.
#include <dunetrace/detector.hpp>

#include <cstdint>
#include <set>
#include <string_view>
#include <tuple>

#include "common/first_party.hpp"
#include "common/formulas.hpp"
#include "explanation.hpp"

namespace {

struct ToolHopping : detectors::OnProbation {
  struct Params {
    std::int64_t min_tools;
  };
  static constexpr const char* plugin_id = "dunetrace.tool_hopping";
  static constexpr const char* id = "tool_hopping";
  static constexpr const char* title = "Tool hopping";
  static constexpr const char* signal = "TOOL_HOPPING";
  static constexpr const char* doc = "Many different tools were called in one run.";
  static constexpr const auto& templates = tool_hopping_text::kExplanations;
  static constexpr auto params = std::make_tuple(
      dunetrace::param(&Params::min_tools, "min_tools", 2, 2, 1000, "tools", "So many different tools are hopping."));

  explicit ToolHopping(const Params& p) : p_(p) {}

  void detect(dunetrace::Run run, dunetrace::Sink& out) const {
    std::set<std::string_view> tools;
    for (const dunetrace::ToolCall call : run.tool_calls()) tools.insert(call.name());
    const auto count = static_cast<std::int64_t>(tools.size());
    if (count < p_.min_tools) return;
    out.signal(dunetrace::Severity::low, detectors::scale(detectors::ratio_of(count, p_.min_tools)), run.step())
        .with("tools", count)
        .emit();
  }

 private:
  Params p_;
};

}  // namespace

DUNE_DETECTOR_PLUGIN(ToolHopping)
