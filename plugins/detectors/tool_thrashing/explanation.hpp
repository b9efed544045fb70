// What an operator reads about TOOL_THRASHING: texts with placeholders over the evidence of rule 3.2, rendered by the
// host. Static data only; the language is in docs/templates.md.
#pragma once
#include <dunetrace/detector.hpp>

namespace tool_thrashing_text {

inline constexpr dune_fix kFixes[] = {
    {dunetrace::lit("Tell the agent which of the two wins (swap the names if the other is the source of truth)"),
     dunetrace::lit("text"),
     dunetrace::lit("When {tool_a|quote|or:\"tool A\"} and {tool_b|quote|or:\"tool B\"} give different results, trust "
                    "{tool_a|quote|or:\"tool A\"} and mention the difference in your answer. Do not ask either of them "
                    "the same thing again.")},
    {dunetrace::lit("Break the alternation in the agent loop"), dunetrace::lit("python"),
     dunetrace::lit(R"py(def is_alternating(names, window={count|round:0|or:"6"}):
    last = names[-window:]
    return (len(last) == window and len(set(last)) == 2
            and all(a != b for a, b in zip(last, last[1:])))

def tools_for_next_turn(called_names, tools, messages):
    if not is_alternating(called_names):
        return tools
    messages.append({{"role": "user", "content": "You are switching between two tools without progress. "
                     "Compare the results you already have and answer now."}})
    return []  # without tools the next turn has to be the answer
)py")},
};

inline constexpr dune_template kExplanations[] = {
    {sizeof(dune_template), sizeof(kFixes) / sizeof(kFixes[0]), dunetrace::lit("TOOL_THRASHING"),
     dunetrace::lit("Agent keeps switching between {tool_a|quote|or:\"one tool\"} and {tool_b|quote|or:\"another\"}"),
     dunetrace::lit("The last {count|round:0|or:\"few\"} tool calls strictly alternate between "
                    "{tool_a|quote|or:\"one tool\"} and {tool_b|quote|or:\"another\"}. The agent cannot reconcile what "
                    "the two return, so it asks each of them again in turn."),
     dunetrace::lit(
         "Such a run does not converge on its own. Every round adds contradictory results to the context, so "
         "each turn costs more and the answer, if one comes, gets less reliable."),
     dunetrace::lit("{?pattern}Order of the calls: {pattern|quote|join:\" → \"}."
                    "{:}The order of the calls was not recorded.{/} "
                    "{?count}Calls looked at: {count}. {/}Confidence: {confidence|pct}%"),
     kFixes},
};

}  // namespace tool_thrashing_text
