// STEP_COUNT_INFLATION: the run needed far more steps than runs of this version usually do. Silent until that is
// known. Called by the host through the ABI, one thread at a time per instance.
#include <dunetrace/detector.hpp>

#include <cstdint>
#include <optional>
#include <tuple>

#include "common/first_party.hpp"
#include "common/formulas.hpp"
#include "explanation.hpp"

namespace {

struct StepCountInflation : detectors::FirstParty {
  struct Params {
    double inflation_factor;
  };
  static constexpr const char* plugin_id = "dunetrace.step_count_inflation";
  static constexpr const char* id = "step_count_inflation";
  static constexpr const char* title = "Step count inflation";
  static constexpr const char* signal = "STEP_COUNT_INFLATION";
  static constexpr const char* doc = "A run needed many more steps than usual for this version of the agent.";
  static constexpr const auto& templates = step_count_inflation_text::kExplanations;
  static constexpr auto params =
      std::make_tuple(dunetrace::param(&Params::inflation_factor, "inflation_factor", 2.0, 0.1, 10'000.0, "ratio",
                                       "More than this many times the learned step count (75th percentile) counts."));

  explicit StepCountInflation(const Params& p) : p_(p) {}

  void detect(dunetrace::Run run, dunetrace::Sink& out) const {
    const auto baseline = run.baseline_p75_steps();
    if (!baseline) return;
    const auto steps = static_cast<double>(run.step());
    const double threshold = *baseline * p_.inflation_factor;
    if (!(steps > threshold)) return;
    // Usual runs without a single step leave nothing to divide by: any step is then infinitely many too many.
    const bool has_ratio = *baseline > 0;
    out.signal(dunetrace::Severity::medium, has_ratio ? detectors::scale(steps / threshold) : 1.0, run.step())
        .with("current_steps", run.step())
        .with("baseline_p75", detectors::round1(*baseline))
        .with("inflation_ratio", has_ratio ? std::optional(detectors::round2(steps / *baseline)) : std::nullopt)
        .with("threshold_factor", p_.inflation_factor)
        .emit();
  }

 private:
  Params p_;
};

}  // namespace

DUNE_DETECTOR_PLUGIN(StepCountInflation)
