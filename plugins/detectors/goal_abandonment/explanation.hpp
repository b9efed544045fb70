// What an operator reads about GOAL_ABANDONMENT: texts with placeholders over the evidence of rule 3.4, rendered by the
// host. Static data only; the language is in docs/templates.md.
#pragma once
#include <dunetrace/detector.hpp>

namespace goal_abandonment_text {

inline constexpr dune_fix kFixes[] = {
    {dunetrace::lit("Turn an empty or useless tool result into an explicit next step"), dunetrace::lit("python"),
     dunetrace::lit(R"py(def tool_message(name, result):
    if result in (None, "", [], {{}}):
        return (f"{{name}} returned nothing useful. Do one of these now: call another tool, "
                "ask the user one question, or answer that the information is not available.")
    return str(result)
)py")},
    {dunetrace::lit("Give the agent a way out in the system prompt"), dunetrace::lit("text"),
     dunetrace::lit("If a tool result does not help you, do not keep thinking about it. Within your next two turns "
                    "either call a different tool or give a final answer that says what you found and what is missing. "
                    "Never end without an answer.")},
};

inline constexpr dune_template kExplanations[] = {
    {sizeof(dune_template), sizeof(kFixes) / sizeof(kFixes[0]), dunetrace::lit("GOAL_ABANDONMENT"),
     dunetrace::lit("No answer: {steps_since_last_tool|plural:\"idle step\"|or:\"idle steps\"} after "
                    "{last_tool_used|quote|or:\"the last tool call\"}"),
     dunetrace::lit("The last tool the agent used was {last_tool_used|quote|or:\"not recorded\"}{?last_tool_step>=0}, "
                    "at step {last_tool_step}{/}. After that only model calls followed{?current_step>=0}, up to step "
                    "{current_step}{/}, and no answer was ever given."),
     dunetrace::lit("The user's request was dropped silently: no result, no error. The model calls after the last tool "
                    "burnt tokens for nothing."),
     dunetrace::lit("Last tool: {last_tool_used|quote}{?last_tool_step>=0} at step "
                    "{last_tool_step}{/}{?current_step>=0}; run reached step {current_step}{/}; steps since the tool: "
                    "{steps_since_last_tool}. {?stall_event_sequence}Last events: {stall_event_sequence|join:\", \"}. "
                    "{/}{?stall_steps}Limit: {stall_steps|plural:\"event\"}. {/}Confidence: {confidence|pct}%"),
     kFixes},
};

}  // namespace goal_abandonment_text
