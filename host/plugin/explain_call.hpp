// A plugin's own explanation code (plugin-abi.md 13), for what its templates cannot say. Pure functions of a stored
// signal: no instance, no run, any thread.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/signal.hpp"
#include "plugin/descriptor.hpp"
#include "plugin/explain_guard.hpp"
#include "plugin/services.hpp"
#include "telemetry/log.hpp"

namespace dunetrace::plugin {

struct ExplainInput {
  std::string_view signal_type{}, run_id{}, agent_id{};
  std::string_view evidence{};  // a JSON object
  Severity severity = Severity::low;
  double confidence = 0;
  std::int32_t step_index = 0;
};

// What the plugin said; texts are valid UTF-8, fields are "title", "what", "why_it_matters", "evidence_summary".
struct ExplainOutput {
  std::map<std::string, std::string, std::less<>> fields;
  std::vector<Fix> fixes;
};

// Nothing when the plugin failed or is not asked at present; the template's words stay then. A failure is logged.
using ExplainCall = std::function<std::optional<ExplainOutput>(const ExplainInput&)>;

// Empty when the component has no such code. `log` outlives the function. An isolated component is asked in a runner.
[[nodiscard]] ExplainCall explain_call(const Component& component, telemetry::Logger& log);
// The same under a guard, which outlives the function, too.
[[nodiscard]] ExplainCall explain_call(const Library& library, const Component& component, telemetry::Logger& log,
                                       ExplainGuard& guard);

// One question to a component that is mapped here; nothing when it has no such code or failed.
[[nodiscard]] std::optional<ExplainOutput> explain_once(const Component& component, const ExplainInput& input,
                                                        Services& services);

}  // namespace dunetrace::plugin
