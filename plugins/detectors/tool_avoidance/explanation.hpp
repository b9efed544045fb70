// What an operator reads about TOOL_AVOIDANCE: texts with placeholders over the evidence of rule 3.3, rendered by the
// host. Static data only; the language is in docs/templates.md.
#pragma once
#include <dunetrace/detector.hpp>

namespace tool_avoidance_text {

inline constexpr dune_fix kFixes[] = {
    {dunetrace::lit("Require a tool in the system prompt"), dunetrace::lit("text"),
     dunetrace::lit(
         "Before you answer a question about facts, data or the state of a system, call at least one of your "
         "tools{?available_tools} ({available_tools|quote|first:8|join:\", \"}){/} and base the answer on its "
         "result. If no tool fits, say that you did not look anything up.")},
    {dunetrace::lit("Force a tool call on the first turn through the model API"), dunetrace::lit("python"),
     dunetrace::lit(R"py(def next_turn(client, model, messages, tools, tool_results):
    return client.chat.completions.create(
        model=model,
        messages=messages,
        tools=tools,
        # Anthropic: {{"type": "any"}} instead of "required", {{"type": "auto"}} instead of "auto"
        tool_choice="auto" if tool_results else "required",
    )
)py")},
    {dunetrace::lit("Check that a tool was used before accepting the answer"), dunetrace::lit("python"),
     dunetrace::lit(R"py(def accept_answer(answer, tool_results, messages, attempt):
    if tool_results or attempt >= 1:
        return True
    messages.append({{"role": "assistant", "content": answer}})
    messages.append({{"role": "user", "content": "You used no tool. Look the facts up with a tool, then answer again."}})
    return False  # run the loop once more
)py")},
};

inline constexpr dune_template kExplanations[] = {
    {sizeof(dune_template), sizeof(kFixes) / sizeof(kFixes[0]), dunetrace::lit("TOOL_AVOIDANCE"),
     dunetrace::lit("Final answer without using any tool"
                    "{?available_tools} ({available_tools|count} available){/}"),
     dunetrace::lit("The agent gave its final answer after {llm_calls|plural:\"model call\"} and used no tool. "
                    "{?available_tools}{available_tools|count|plural:\"tool was\",\"tools were\"} available: "
                    "{available_tools|quote|first:8|join:\", \"}{?available_tools.8} and more{/}. "
                    "{:}It had declared tools it could have used. {/}"
                    "The answer comes from the model's memory."),
     dunetrace::lit("An answer from memory sounds plausible but may be stale or invented, and users cannot see that "
                    "nothing was looked up."),
     dunetrace::lit("Tool calls: {tool_calls_made|or:\"0\"}; model calls: {llm_calls}; available tools: "
                    "{available_tools|quote|join:\", \"}. Confidence: {confidence|pct}%"),
     kFixes},
};

}  // namespace tool_avoidance_text
