// What an operator reads about STEP_COUNT_INFLATION: texts with placeholders over the evidence of rule 3.11, rendered
// by the host. Static data only; the language is in docs/templates.md.
#pragma once
#include <dunetrace/detector.hpp>

namespace step_count_inflation_text {

inline constexpr dune_fix kFixes[] = {
    {dunetrace::lit("Compare with the version before"), dunetrace::lit("text"),
     dunetrace::lit(
         "1. Did the step count rise with a deploy? Compare the runs of {agent_version|quote|or:\"this version\"} with "
         "those of the version before.\n2. What changed: system prompt, tool list, tool output, model?\n3. Take one "
         "long and one usual run with a similar input and find the first step where they part.")},
    {dunetrace::lit("Set a step limit from the usual step count"), dunetrace::lit("python"),
     dunetrace::lit(R"py(USUAL_STEPS = {baseline_p75|round:1|or:"10"}  # P75 of this version
MAX_STEPS = int(USUAL_STEPS * 2)

def run_agent(next_step, state):
    for _ in range(MAX_STEPS):
        state = next_step(state)
        if state.get("answer"):
            return state["answer"]
    raise RuntimeError(f"no answer after {{MAX_STEPS}} steps")
)py")},
    {dunetrace::lit("Shorten and sharpen the tool descriptions"), dunetrace::lit("text"),
     dunetrace::lit("Give every tool one sentence that says what it returns and one that says when not to use it. "
                    "Merge tools that are usually called one after the other. Long, overlapping descriptions make the "
                    "agent try several tools for one question.")},
};

inline constexpr dune_template kExplanations[] = {
    {sizeof(dune_template), sizeof(kFixes) / sizeof(kFixes[0]), dunetrace::lit("STEP_COUNT_INFLATION"),
     dunetrace::lit("Run took {current_steps|plural:\"step\"|or:\"too many steps\"}{?baseline_p75}; {baseline_p75} are "
                    "usual (P75){:}; far fewer are usual{/}"),
     dunetrace::lit("This run needed {current_steps|plural:\"step\"|or:\"unusually many steps\"}. Three out of four "
                    "runs of this version get by with {baseline_p75|or:\"far fewer\"}{?inflation_ratio}, so it took "
                    "{inflation_ratio}× the usual number{/}."),
     dunetrace::lit("Latency and cost rise with every step. A jump like this often follows a change of the prompt, a "
                    "tool or the model and then affects every user of the version."),
     dunetrace::lit("Steps: {current_steps}; usual (P75): {baseline_p75}; ratio {inflation_ratio}, limit "
                    "{threshold_factor}. Confidence: {confidence|pct}%"),
     kFixes},
};

}  // namespace step_count_inflation_text
