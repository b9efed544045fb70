// {{NAME}}: a run used more tokens than it may. This rule is an example that works: change it into yours.
// The host calls it through the C ABI, one thread at a time per instance; what it sees and reports is all there is.
#pragma once
#include <dunetrace/detector.hpp>

#include <algorithm>
#include <cstdint>
#include <tuple>

namespace {{name}} {

// What people read about a signal; {placeholders} are members of its evidence. The host renders it.
inline constexpr dune_fix kFixes[] = {
    {dunetrace::lit("Stop a run that exceeds its budget"), dunetrace::lit("text"),
     dunetrace::lit("End the run after {max_tokens|number} tokens and answer with what there is.")},
};
inline constexpr dune_template kTexts[] = {
    {sizeof(dune_template), 1, dunetrace::lit("{{NAME}}"),
     dunetrace::lit("{total_tokens|number} tokens in one run"),
     dunetrace::lit("The run used {total_tokens|number} tokens in {llm_calls|plural:\"model call\"}; its budget is "
                    "{max_tokens|number}. The largest call, at step {largest_step}, took {largest_tokens|number}."),
     dunetrace::lit("Tokens are paid for. A run far above what its task needs is usually lost or carries too much."),
     dunetrace::lit("{total_tokens|number} of {max_tokens|number} tokens. Confidence: {confidence|pct}%"), kFixes},
};

struct {{Name}} {
  // What operators can set in detectors.yml, and what they read about it. The host checks type and range.
  struct Params {
    std::int64_t max_tokens = 50'000;
    double severe_ratio = 2.0;
  };
  static constexpr const char *plugin_id = "com.example.{{name}}", *vendor = "{{vendor}}", *version = "1.0.0",
                              *license = "{{license}}", *id = "{{name}}", *title = "{{title}}", *signal = "{{NAME}}",
                              *doc = "A run used more tokens than it may.";
  static constexpr const auto& templates = kTexts;
  static constexpr auto params = std::make_tuple(
      dunetrace::param(&Params::max_tokens, "max_tokens", 50'000, 1, 1'000'000'000, "tokens",
                       "Prompt and completion tokens of all model calls of a run together."),
      dunetrace::param(&Params::severe_ratio, "severe_ratio", 2.0, 1.0, 1000.0, "ratio",
                       "From so many times the budget on the severity is HIGH instead of MEDIUM."));
  // A rule over values that are fine each by itself; the text goes to the operator.
  static const char* check(const Params& p) {
    return p.severe_ratio > 1.0 ? nullptr : "severe_ratio must be above 1: every signal would be severe";
  }

  explicit {{Name}}(const Params& p) : params_(p) {}

  void detect(dunetrace::Run run, dunetrace::Sink& out) const {
    constexpr std::int64_t kMost = 1'000'000'000'000;  // numbers are whatever a stranger sent: sums must not overflow
    std::int64_t total = 0, largest = 0, calls = 0;
    std::int32_t largest_step = 0;
    for (const dunetrace::LlmCall call : run.llm_calls()) {
      const auto prompt = std::clamp<std::int64_t>(call.prompt_tokens().value_or(0), 0, kMost);
      const auto completion = std::clamp<std::int64_t>(call.completion_tokens().value_or(0), 0, kMost);
      total += prompt + completion;
      ++calls;
      if (prompt + completion > largest) {
        largest = prompt + completion;
        largest_step = call.step();
      }
    }
    if (total <= params_.max_tokens) return;
    const double ratio = static_cast<double>(total) / static_cast<double>(params_.max_tokens);
    const auto severity = ratio >= params_.severe_ratio ? dunetrace::Severity::high : dunetrace::Severity::medium;
    out.signal(severity, std::min(1.0, ratio / 2), run.step())
        .with("total_tokens", total)
        .with("max_tokens", params_.max_tokens)
        .with("llm_calls", calls)
        .with("largest_step", largest_step)
        .with("largest_tokens", largest)
        .emit();
  }

 private:
  Params params_;
};

}  // namespace {{name}}
