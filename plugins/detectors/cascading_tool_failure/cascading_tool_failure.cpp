// CASCADING_TOOL_FAILURE: the run ends with failures of several tools in a row, which points to something they share.
// Called by the host through the ABI, one thread at a time per instance.
#include <dunetrace/detector.hpp>

#include <cstdint>
#include <set>
#include <string_view>
#include <tuple>

#include "common/evidence.hpp"
#include "common/first_party.hpp"
#include "common/formulas.hpp"
#include "explanation.hpp"

namespace {

constexpr std::size_t kMinTools = 2;  // failures of one tool alone are no cascade

struct CascadingToolFailure : detectors::FirstParty {
  struct Params {
    std::int64_t threshold;
  };
  static constexpr const char* plugin_id = "dunetrace.cascading_tool_failure";
  static constexpr const char* id = "cascading_tool_failure";
  static constexpr const char* title = "Cascading tool failure";
  static constexpr const char* signal = "CASCADING_TOOL_FAILURE";
  static constexpr const char* doc = "The last tool calls of the run failed one after the other, over several tools.";
  static constexpr const auto& templates = cascading_tool_failure_text::kExplanations;
  static constexpr auto params =
      std::make_tuple(dunetrace::param(&Params::threshold, "threshold", 3, 1, 10'000, "calls",
                                       "Failed tool calls in a row at the end of the run that count."));

  explicit CascadingToolFailure(const Params& p) : p_(p) {}

  void detect(dunetrace::Run run, dunetrace::Sink& out) const {
    const auto calls = run.tool_calls();
    std::size_t first = calls.size();
    while (first > 0 && calls[first - 1].failed()) --first;
    const auto count = static_cast<std::int64_t>(calls.size() - first);
    if (count < p_.threshold) return;

    std::set<std::string_view> tools;
    for (std::size_t i = first; i < calls.size(); ++i) tools.insert(calls[i].name());
    if (tools.size() < kMinTools) return;

    auto found =
        out.signal(dunetrace::Severity::high, detectors::scale(detectors::ratio_of(count, p_.threshold)), run.step());
    found.with("consecutive_failures", count);
    detectors::with_list(found, "distinct_tools", tools, [](std::string_view name) { return name; });
    found.with("threshold", p_.threshold).with("first_fail_step", calls[first].step()).emit();
  }

 private:
  Params p_;
};

}  // namespace

DUNE_DETECTOR_PLUGIN(CascadingToolFailure)
