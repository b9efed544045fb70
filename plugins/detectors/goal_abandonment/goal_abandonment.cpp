// GOAL_ABANDONMENT: the agent used tools, then kept talking to the model and never finished. Only runs without a
// terminal event can show it. Called by the host through the ABI, one thread at a time per instance.
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

struct GoalAbandonment : detectors::FirstParty {
  struct Params {
    std::int64_t stall_steps;
  };
  static constexpr const char* plugin_id = "dunetrace.goal_abandonment";
  static constexpr const char* id = "goal_abandonment";
  static constexpr const char* title = "Goal abandonment";
  static constexpr const char* signal = "GOAL_ABANDONMENT";
  static constexpr const char* doc = "After its last tool call the run only called the model and never finished.";
  static constexpr const auto& templates = goal_abandonment_text::kExplanations;
  static constexpr auto params = std::make_tuple(
      dunetrace::param(&Params::stall_steps, "stall_steps", 4, 1, 10'000, "events",
                       "How many of the latest events must be model events. A call and its answer are two events."));

  explicit GoalAbandonment(const Params& p) : p_(p) {}

  void detect(dunetrace::Run run, dunetrace::Sink& out) const {
    if (run.exit_reason() || run.tool_calls().empty()) return;
    const auto tail = model_events_at_end(run);
    if (tail.size() < static_cast<std::size_t>(p_.stall_steps)) return;

    const auto last_tool = run.tool_calls().back();
    const std::int64_t idle = std::int64_t{run.step()} - last_tool.step();
    auto found = out.signal(dunetrace::Severity::medium, detectors::scale(detectors::ratio_of(idle, p_.stall_steps)),
                            run.step());
    found.with("stall_steps", p_.stall_steps)
        .with("last_tool_step", last_tool.step())
        .with("last_tool_used", detectors::clip(last_tool.name()))
        .with("current_step", run.step())
        .with("steps_since_last_tool", idle);
    detectors::with_list(found, "stall_event_sequence", tail, [](std::string_view type) { return type; });
    found.emit();
  }

 private:
  // The types of the latest events in order, at most stall_steps of them and all of the model; annotations say nothing
  // about what the agent did and are skipped.
  std::vector<std::string_view> model_events_at_end(dunetrace::Run run) const {
    std::vector<std::string_view> types;
    const auto events = run.events();
    const auto wanted = static_cast<std::size_t>(p_.stall_steps);
    for (std::size_t i = events.size(); i > 0 && types.size() < wanted; --i) {
      const auto event = events[i - 1];
      if (event.is_annotation()) continue;
      if (event.type().substr(0, 4) != "llm.") break;
      types.push_back(event.type());
    }
    std::reverse(types.begin(), types.end());
    return types;
  }

  Params p_;
};

}  // namespace

DUNE_DETECTOR_PLUGIN(GoalAbandonment)
