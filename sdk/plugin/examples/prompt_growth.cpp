// A detector in C++: the prompt keeps growing during a run.
#include <dunetrace/detector.hpp>

struct PromptGrowth {
  struct Params {
    double growth_factor;
    std::int64_t min_calls, min_last_tokens;
  };

  static constexpr const char *plugin_id = "example.prompt_growth", *vendor = "Example", *version = "1.0.0",
                              *license = "Apache-2.0", *id = "prompt_growth", *title = "Prompt growth",
                              *signal = "PROMPT_GROWTH", *doc = "The prompt keeps growing during a run.";
  static constexpr auto params = std::make_tuple(
      dunetrace::param(&Params::growth_factor, "growth_factor", 3.0, 1.0, 100.0, "ratio",
                       "Last prompt divided by the first one."),
      dunetrace::param(&Params::min_calls, "min_calls", std::int64_t{3}, std::int64_t{2}, std::int64_t{1000}, "calls",
                       "Model calls with token counts that are needed before judging."),
      dunetrace::param(&Params::min_last_tokens, "min_last_tokens", std::int64_t{2000}, std::int64_t{0},
                       std::int64_t{10'000'000}, "tokens", "Stay silent while the last prompt is smaller than this."));
  static constexpr dune_fix fixes[] = {{dunetrace::lit("Summarise the history before it is sent again"),
                                        dunetrace::lit("text"),
                                        dunetrace::lit("Keep the last turns; replace what is older by a summary.")}};
  static constexpr dune_template templates[] = {
      {sizeof(dune_template), 1, dunetrace::lit("PROMPT_GROWTH"),
       dunetrace::lit("The prompt grew {growth_factor|round:1}x during the run"),
       dunetrace::lit("The prompt went from {first_tokens} to {last_tokens} tokens in {llm_call_count} model calls."),
       dunetrace::lit("Cost rises with every step, and truncation becomes likely."),
       dunetrace::lit("{first_tokens} to {last_tokens} tokens"), fixes}};

  explicit PromptGrowth(const Params& values) : params_(values) {}

  void detect(dunetrace::Run run, dunetrace::Sink& out) const {
    std::int64_t first = 0, last = 0, seen = 0;
    for (const auto call : run.llm_calls()) {
      const auto tokens = call.prompt_tokens();
      if (!tokens || *tokens <= 0) continue;
      if (seen == 0) first = *tokens;
      last = *tokens;
      ++seen;
    }
    constexpr std::int64_t kFewTokens = 10;  // a first prompt that small makes every ratio large
    if (seen < params_.min_calls || first < kFewTokens || last < params_.min_last_tokens) return;
    const double growth = static_cast<double>(last) / static_cast<double>(first);
    if (growth < params_.growth_factor) return;
    out.signal(dunetrace::Severity::medium, 0.80, run.step())
        .with("first_tokens", first)
        .with("last_tokens", last)
        .with("growth_factor", growth)
        .with("llm_call_count", seen)
        .emit();
  }

 private:
  Params params_;
};

DUNE_DETECTOR_PLUGIN(PromptGrowth)
