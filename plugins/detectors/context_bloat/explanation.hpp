// What an operator reads about CONTEXT_BLOAT: texts with placeholders over the evidence of rule 3.7, rendered by the
// host. Static data only; the language is in docs/templates.md.
#pragma once
#include <dunetrace/detector.hpp>

namespace context_bloat_text {

inline constexpr dune_fix kFixes[] = {
    {dunetrace::lit("Replace old turns by a summary"), dunetrace::lit("python"), dunetrace::lit(R"py(KEEP_LAST = 6

def compact(messages, summarize):
    if len(messages) <= KEEP_LAST + 2:
        return messages
    cut = len(messages) - KEEP_LAST
    while cut > 1 and messages[cut]["role"] == "tool":
        cut -= 1  # a tool result stays with the call it answers
    note = {{"role": "user", "content": "Summary so far: " + summarize(messages[1:cut])}}
    return [messages[0], note] + messages[cut:]  # messages[0] is the system prompt
)py")},
    {dunetrace::lit("Cap the size of every tool output"), dunetrace::lit("python"),
     dunetrace::lit(R"py(MAX_TOOL_CHARS = 4000

def cap(output):
    text = str(output)
    if len(text) <= MAX_TOOL_CHARS:
        return text
    return text[:MAX_TOOL_CHARS] + f"\n[{{len(text) - MAX_TOOL_CHARS}} more characters left out]"
)py")},
    {dunetrace::lit("Check a token budget before every model call"), dunetrace::lit("python"),
     dunetrace::lit(R"py(TOKEN_BUDGET = 8000

def within_budget(messages, count_tokens, compact):
    if count_tokens(messages) <= TOKEN_BUDGET:
        return messages
    messages = compact(messages)
    if count_tokens(messages) > TOKEN_BUDGET:
        raise RuntimeError("context is over budget even after compaction")
    return messages
)py")},
};

inline constexpr dune_template kExplanations[] = {
    {sizeof(dune_template), sizeof(kFixes) / sizeof(kFixes[0]), dunetrace::lit("CONTEXT_BLOAT"),
     dunetrace::lit("{?growth_factor && first_tokens && last_tokens}Context grew {growth_factor}×: "
                    "{first_tokens|number} to {last_tokens|number} tokens{?llm_call_count} in "
                    "{llm_call_count|plural:\"model call\"}{/}{:}Context grows from call to call{/}"),
     dunetrace::lit(
         "The prompt of the model calls grew{?first_tokens && last_tokens} from {first_tokens|number} to "
         "{last_tokens|number} tokens{/}{?first_call_step>=0 && last_call_step>=0} between step {first_call_step} and "
         "step {last_call_step}{/}: the context accumulates and nothing is pruned.{?token_growth_sequence} Tokens per "
         "call: {token_growth_sequence|pluck:tokens|sample:8|number|join:\" → \"}.{/}{?baseline_p75} Three out of four "
         "runs of this version stay within {baseline_p75}×.{/}"),
     dunetrace::lit("Every further call costs {growth_factor|or:\"several\"} times what the first one did, answers get "
                    "slower and less focused, and the run is heading for the limit of the context window."),
     dunetrace::lit("Prompt tokens: {first_tokens|number}{?first_call_step>=0} at step {first_call_step}{/}, then "
                    "{last_tokens|number}{?last_call_step>=0} at step {last_call_step}{/}, over "
                    "{llm_call_count|plural:\"model call\"}. Growth {growth_factor}{?growth_factor}×{/}, limit "
                    "{threshold_factor}{?threshold_factor}×{/}{?baseline_p75} (learned: usual growth "
                    "{baseline_p75}×){/}. Confidence: {confidence|pct}%"),
     kFixes},
};

}  // namespace context_bloat_text
