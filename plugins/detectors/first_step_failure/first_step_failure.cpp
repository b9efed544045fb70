// FIRST_STEP_FAILURE: the run failed before it did anything useful, which usually repeats on every similar run. Called
// by the host through the ABI, one thread at a time per instance.
#include <dunetrace/detector.hpp>

#include <cstdint>
#include <tuple>

#include "common/empty_response.hpp"
#include "common/evidence.hpp"
#include "common/first_party.hpp"
#include "explanation.hpp"

namespace {

struct FirstStepFailure : detectors::FirstParty {
  struct Params {
    std::int64_t max_step;
  };
  static constexpr const char* plugin_id = "dunetrace.first_step_failure";
  static constexpr const char* id = "first_step_failure";
  static constexpr const char* title = "First step failure";
  static constexpr const char* signal = "FIRST_STEP_FAILURE";
  static constexpr const char* doc = "An error, an empty answer or a failed tool right at the beginning of the run.";
  static constexpr const auto& templates = first_step_failure_text::kExplanations;
  static constexpr auto params =
      std::make_tuple(dunetrace::param(&Params::max_step, "max_step", 2, 0, 10'000, "steps",
                                       "The last step that still belongs to the beginning of a run."));

  explicit FirstStepFailure(const Params& p) : p_(p) {}

  // The first rule that matches wins.
  void detect(dunetrace::Run run, dunetrace::Sink& out) const {
    if (run.ended_with("error") && run.step() <= p_.max_step) {
      begin(out, 0.90, run.step(), "run_errored").with("max_step", p_.max_step).emit();
      return;
    }
    for (const dunetrace::LlmCall call : run.llm_calls()) {
      if (call.step() > p_.max_step || !detectors::is_empty_response(call)) continue;
      begin(out, 0.88, call.step(), "empty_llm_response").with("max_step", p_.max_step).emit();
      return;
    }
    for (const dunetrace::ToolCall call : run.tool_calls()) {
      if (call.step() > p_.max_step || !call.failed()) continue;
      begin(out, 0.85, call.step(), "tool_failure")
          .with("tool", detectors::clip(call.name()))
          .with("max_step", p_.max_step)
          .emit();
      return;
    }
  }

 private:
  static dunetrace::Signal begin(dunetrace::Sink& out, double confidence, std::int32_t step, const char* trigger) {
    auto found = out.signal(dunetrace::Severity::medium, confidence, step);
    found.with("trigger", trigger).with("failed_step", step);
    return found;
  }

  Params p_;
};

}  // namespace

DUNE_DETECTOR_PLUGIN(FirstStepFailure)
