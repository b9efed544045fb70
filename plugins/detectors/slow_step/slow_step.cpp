// SLOW_STEP: one step takes far longer than it may, or than it usually does. Called by the host through the ABI, one
// thread at a time per instance.
#include <dunetrace/detector.hpp>

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>

#include "common/evidence.hpp"
#include "common/first_party.hpp"
#include "common/formulas.hpp"
#include "explanation.hpp"

namespace {

using dunetrace::StepDuration;

constexpr double kHighRatio = 5.0;  // from this many times its limit on, a slow step is of HIGH severity

struct Limit {
  std::int64_t ms;
  const char* label;
  std::optional<double> baseline;  // the learned duration it was derived from
};

struct SlowStep : detectors::FirstParty {
  struct Params {
    double inflation_factor;
    std::int64_t tool_ms, llm_ms, step_ms;
  };
  static constexpr const char* plugin_id = "dunetrace.slow_step";
  static constexpr const char* id = "slow_step";
  static constexpr const char* title = "Slow step";
  static constexpr const char* signal = "SLOW_STEP";
  static constexpr const char* doc = "A tool call, model call or other step took longer than its limit.";
  static constexpr const auto& templates = slow_step_text::kExplanations;
  static constexpr auto params = std::make_tuple(
      dunetrace::param(&Params::inflation_factor, "inflation_factor", 2.0, 0.1, 10'000.0, "ratio",
                       "Times the learned latency (75th percentile) that a tool or model call may take."),
      dunetrace::param(&Params::tool_ms, "tool_ms", 15'000, 1, 86'400'000, "ms",
                       "What a tool call may take while its latency has not been learned."),
      dunetrace::param(&Params::llm_ms, "llm_ms", 30'000, 1, 86'400'000, "ms",
                       "What a model call may take while its latency has not been learned."),
      dunetrace::param(&Params::step_ms, "step_ms", 60'000, 1, 86'400'000, "ms",
                       "What any other step may take; nothing is learned for these."));

  explicit SlowStep(const Params& p) : p_(p) {}

  void detect(dunetrace::Run run, dunetrace::Sink& out) const {
    const auto tool = limit(p_.tool_ms, "tool execution", run.baseline_p75_tool_latency_ms());
    const auto llm = limit(p_.llm_ms, "LLM call", run.baseline_p75_llm_latency_ms());
    const Limit other{p_.step_ms, "step", std::nullopt};

    std::map<std::int32_t, std::int64_t> slow;  // the longest entry of each slow step
    std::optional<StepDuration> worst;
    const Limit* worst_limit = nullptr;
    double worst_ratio = 0;
    for (const StepDuration step : run.step_durations()) {
      const auto& allowed = step.kind() == DUNE_EVENT_TOOL_CALLED  ? tool
                            : step.kind() == DUNE_EVENT_LLM_CALLED ? llm
                                                                   : other;
      if (step.duration_ms() <= allowed.ms) continue;
      auto& longest = slow[step.step()];
      longest = std::max(longest, step.duration_ms());
      const double ratio = detectors::ratio_of(step.duration_ms(), allowed.ms);
      if (ratio > worst_ratio) {  // the first one on ties
        worst = step;
        worst_limit = &allowed;
        worst_ratio = ratio;
      }
    }
    if (worst) report(run, *worst, *worst_limit, slow, out);
  }

 private:
  Limit limit(std::int64_t fixed_ms, const char* label, std::optional<double> baseline) const {
    if (!baseline) return {fixed_ms, label, baseline};
    // A tool that answers at once would otherwise make every later call slow.
    const auto learned = detectors::integer_part(*baseline * p_.inflation_factor);
    return {std::max<std::int64_t>(learned, 1), label, baseline};
  }

  static void report(dunetrace::Run run, const StepDuration& worst, const Limit& limit,
                     const std::map<std::int32_t, std::int64_t>& slow, dunetrace::Sink& out) {
    const double ratio = detectors::ratio_of(worst.duration_ms(), limit.ms);
    const auto severity = ratio >= kHighRatio ? dunetrace::Severity::high : dunetrace::Severity::medium;
    auto found = out.signal(severity, detectors::scale(ratio), worst.step());
    found.with("step_index", worst.step())
        .with("duration_ms", worst.duration_ms())
        .with("threshold_ms", limit.ms)
        .with("event_type", worst.type())
        .with("step_label", limit.label)
        .with("ratio", detectors::round1(ratio));
    detectors::ListBudget budget;
    found.with_object("all_slow_steps", [&](dunetrace::JsonWriter& steps) {
      for (const auto& [step, duration_ms] : slow) {
        if (budget.take(40)) steps.value(std::to_string(step), duration_ms);  // "2147483647":9223372036854775807,
      }
    });
    detectors::note_omitted(found, "all_slow_steps", budget);
    if (limit.baseline) found.with("baseline_p75", detectors::round1(*limit.baseline));
    write_coincident(run, worst, found);
    found.emit();
  }

  // What the infrastructure reported while the step was under way.
  static void write_coincident(dunetrace::Run run, const StepDuration& worst, dunetrace::Signal& found) {
    const double begin = worst.timestamp();
    const double end = begin + static_cast<double>(worst.duration_ms()) / 1000.0;
    const auto coincides = [&](const dunetrace::ExternalSignal& s) {
      return begin <= s.timestamp() && s.timestamp() <= end;
    };
    const auto signals = run.external_signals();
    if (std::none_of(signals.begin(), signals.end(), coincides)) return;

    detectors::ListBudget budget;
    found.with_array("coincident_signals", [&](dunetrace::JsonWriter& list) {
      for (const dunetrace::ExternalSignal signal : signals) {
        if (!coincides(signal)) continue;
        const auto name = detectors::clip(signal.name()), source = detectors::clip(signal.source());
        const auto meta = signal.meta_json();
        if (!budget.take(64 + detectors::json_bytes(name) + detectors::json_bytes(source) + meta.size())) continue;
        list.object([&](dunetrace::JsonWriter& entry) {
          if (!name.empty()) entry.value("signal_name", name);
          if (!source.empty()) entry.value("source", source);
          if (!detectors::is_empty_object(meta)) entry.raw("meta", meta);
        });
      }
    });
    detectors::note_omitted(found, "coincident_signals", budget);
  }

  Params p_;
};

}  // namespace

DUNE_DETECTOR_PLUGIN(SlowStep)
