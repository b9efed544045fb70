// What an operator reads about REASONING_STALL: texts with placeholders over the evidence of rule 3.14, rendered by the
// host. Static data only; the language is in docs/templates.md.
#pragma once
#include <dunetrace/detector.hpp>

namespace reasoning_stall_text {

inline constexpr dune_fix kFixes[] = {
    {dunetrace::lit("Cap the number of model calls without a tool call"), dunetrace::lit("python"),
     dunetrace::lit(R"py(MAX_THINKING_TURNS = 3

def loop(ask_model, run_tool, messages):
    thinking = 0
    while True:
        reply = ask_model(messages, force_answer=thinking >= MAX_THINKING_TURNS)
        if reply.get("answer"):
            return reply["answer"]
        if thinking >= MAX_THINKING_TURNS:
            raise RuntimeError("no answer although one was demanded")
        if reply.get("tool"):
            messages.append(run_tool(reply["tool"]))
            thinking = 0
        else:
            thinking += 1
)py")},
    {dunetrace::lit("Tell the agent to act or to answer"), dunetrace::lit("text"),
     dunetrace::lit(
         "In every turn either call a tool or give the final answer. Do not plan the same thing twice. If you have "
         "thought about it for two turns without new facts, answer with what you know and name what is missing.")},
};

inline constexpr dune_template kExplanations[] = {
    {sizeof(dune_template), sizeof(kFixes) / sizeof(kFixes[0]), dunetrace::lit("REASONING_STALL"),
     dunetrace::lit("Thinking instead of acting{?llm_calls && tool_calls>=0}: {llm_calls|plural:\"model call\"}, "
                    "{tool_calls|plural:\"tool call\"}{?ratio} (ratio {ratio}){/}{/}"),
     dunetrace::lit(
         "The agent made {llm_calls|plural:\"model call\"|or:\"many model calls\"} but {?tool_calls=0}no tool "
         "call{:}only {tool_calls|plural:\"tool call\"|or:\"few tool calls\"}{/}{?ratio}, a ratio of {ratio} where "
         "{threshold|or:\"less\"} is the limit{/}. It reasoned over the same facts instead of getting new ones. "
         "{?exit_reason=final_answer}It did finish with a final answer.{:?exit_reason}It ended ({exit_reason|quote}) "
         "without a final answer.{:}It has not finished: no end of the run is recorded.{/}{?baseline_p75} Three out of "
         "four runs of this version stay within a ratio of {baseline_p75}.{/}"),
     dunetrace::lit("Model calls without new facts cost tokens and time and rarely improve the answer; the user waits "
                    "for thinking that goes nowhere."),
     dunetrace::lit(
         "Model calls: {llm_calls}; tool calls: {tool_calls}; ratio {ratio}, limit {threshold}{?baseline_p75} "
         "(learned: usual {baseline_p75}){/}; exit reason: {exit_reason|or:\"none\"}. {?event_sequence}Order of calls: "
         "{event_sequence|first:24|join:\" \"}{?event_sequence.24} …{/}. {/}Confidence: {confidence|pct}%"),
     kFixes},
};

}  // namespace reasoning_stall_text
