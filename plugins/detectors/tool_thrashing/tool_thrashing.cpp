// TOOL_THRASHING: the agent goes back and forth between two tools whose results it cannot reconcile. Called by the
// host through the ABI, one thread at a time per instance.
#include <dunetrace/detector.hpp>

#include <cstdint>
#include <tuple>

#include "common/evidence.hpp"
#include "common/first_party.hpp"
#include "explanation.hpp"

namespace {

using dunetrace::ToolCall;

struct ToolThrashing : detectors::FirstParty {
  struct Params {
    std::int64_t window;
  };
  static constexpr const char* plugin_id = "dunetrace.tool_thrashing";
  static constexpr const char* id = "tool_thrashing";
  static constexpr const char* title = "Tool thrashing";
  static constexpr const char* signal = "TOOL_THRASHING";
  static constexpr const char* doc = "The latest tool calls strictly alternate between two tools.";
  static constexpr const auto& templates = tool_thrashing_text::kExplanations;
  static constexpr auto params = std::make_tuple(dunetrace::param(
      &Params::window, "window", 6, 2, 10'000, "calls",
      "How many of the latest tool calls must alternate. An even number: each tool has its half of them."));
  static const char* check(const Params& p) {
    return p.window % 2 != 0 ? "window must be an even number of calls: half of them for each of two tools" : nullptr;
  }

  explicit ToolThrashing(const Params& p) : p_(p) {}

  void detect(dunetrace::Run run, dunetrace::Sink& out) const {
    const auto window = static_cast<std::size_t>(p_.window);
    if (run.tool_calls().size() < window) return;
    const auto recent = run.tool_calls().last(window);
    const auto a = recent[0].name(), b = recent[1].name();
    if (a == b) return;
    for (std::size_t i = 2; i < window; ++i) {
      if (recent[i].name() != (i % 2 == 0 ? a : b)) return;
    }
    auto found = out.signal(dunetrace::Severity::high, 0.90, run.step());
    found.with("tool_a", detectors::clip(a)).with("tool_b", detectors::clip(b));
    detectors::with_list(found, "pattern", recent, [](const ToolCall& c) { return c.name(); });
    found.with("count", p_.window).emit();
  }

 private:
  Params p_;
};

}  // namespace

DUNE_DETECTOR_PLUGIN(ToolThrashing)
