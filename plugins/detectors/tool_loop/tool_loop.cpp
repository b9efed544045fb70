// TOOL_LOOP: the agent repeats one tool without progress. Arguments and outcomes do not matter for firing; they are
// evidence. Called by the host through the ABI, one thread at a time per instance.
#include <dunetrace/detector.hpp>

#include <cstdint>
#include <optional>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "common/evidence.hpp"
#include "common/first_party.hpp"
#include "common/formulas.hpp"
#include "explanation.hpp"

namespace {

using dunetrace::List;
using dunetrace::ToolCall;

struct ToolLoop : detectors::FirstParty {
  struct Params {
    std::int64_t window, threshold;
  };
  static constexpr const char* plugin_id = "dunetrace.tool_loop";
  static constexpr const char* id = "tool_loop";
  static constexpr const char* title = "Tool loop";
  static constexpr const char* signal = "TOOL_LOOP";
  static constexpr const char* doc = "One tool dominates the latest tool calls of a run.";
  static constexpr const auto& templates = tool_loop_text::kExplanations;
  static constexpr auto params = std::make_tuple(
      dunetrace::param(&Params::window, "window", 5, 1, 10'000, "calls",
                       "How many of the latest tool calls are looked at. Shorter runs are never a loop."),
      dunetrace::param(&Params::threshold, "threshold", 3, 1, 10'000, "calls",
                       "Calls of one tool inside the window that count as a loop."));
  static const char* check(const Params& p) {
    return p.threshold > p.window ? "threshold must not exceed window: so many calls never fit into it" : nullptr;
  }

  explicit ToolLoop(const Params& p) : p_(p) {}

  void detect(dunetrace::Run run, dunetrace::Sink& out) const {
    const auto calls = run.tool_calls();
    const auto window = static_cast<std::size_t>(p_.window);
    if (calls.size() < window) return;
    if (const auto tool = looping_tool(calls.last(window))) report(run, *tool, out);
  }

 private:
  // Of several that qualify the one that occurs first in the window.
  std::optional<std::string_view> looping_tool(List<ToolCall> recent) const {
    std::unordered_map<std::string_view, std::int64_t> counts;
    for (const ToolCall call : recent) ++counts[call.name()];
    for (const ToolCall call : recent) {
      if (counts[call.name()] >= p_.threshold) return call.name();
    }
    return std::nullopt;
  }

  // Prompt tokens of the model calls made while the loop went on.
  static std::int64_t tokens_between(dunetrace::Run run, std::int32_t after, std::int32_t until) {
    std::int64_t tokens = 0;
    for (const dunetrace::LlmCall call : run.llm_calls()) {
      if (call.step() > after && call.step() <= until) {
        tokens = detectors::add_saturating(tokens, call.prompt_tokens().value_or(0));
      }
    }
    return tokens;
  }

  void report(dunetrace::Run run, std::string_view tool, dunetrace::Sink& out) const {
    std::vector<ToolCall> loop;
    detectors::DistinctTexts hashes;
    std::int64_t answered = 0, succeeded = 0;
    for (const ToolCall call : run.tool_calls()) {
      if (call.name() != tool) continue;
      loop.push_back(call);
      hashes.add(call.args_hash());
      answered += call.success() ? 1 : 0;
      succeeded += call.success() == true ? 1 : 0;
    }
    const auto count = static_cast<std::int64_t>(loop.size());
    const auto first_step = loop.front().step(), last_step = loop.back().step();
    const auto wasted = tokens_between(run, first_step, last_step);

    auto found = out.signal(dunetrace::Severity::high, detectors::scale(detectors::ratio_of(count, p_.threshold)),
                            run.tool_calls().back().step());
    found.with("tool", detectors::clip(tool)).with("count", count).with("window", p_.window);
    found.with("first_step", first_step).with("last_step", last_step);
    detectors::with_list(found, "step_indices", loop, [](const ToolCall& c) { return c.step(); });
    detectors::with_list(found, "args_hashes", loop, [](const ToolCall& c) { return c.args_hash(); });
    found.with("args_identical", hashes.count() == 1).with("args_similar", hashes.count() <= 2);
    found.with("success_rate", answered > 0 ? std::optional(detectors::round2(detectors::ratio_of(succeeded, answered)))
                                            : std::nullopt);
    found.with("wasted_tokens", wasted != 0 ? std::optional(wasted) : std::nullopt);
    found.emit();
  }

  Params p_;
};

}  // namespace

DUNE_DETECTOR_PLUGIN(ToolLoop)
