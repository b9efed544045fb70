// What an operator reads about LLM_TRUNCATION_LOOP: texts with placeholders over the evidence of rule 3.6, rendered by
// the host. Static data only; the language is in docs/templates.md.
#pragma once
#include <dunetrace/detector.hpp>

namespace llm_truncation_loop_text {

inline constexpr dune_fix kFixes[] = {
    {dunetrace::lit("Detect a cut-off response and continue it once, or abort"), dunetrace::lit("python"),
     dunetrace::lit(R"py(def complete(client, model, messages, max_tokens=2000):
    parts = []
    for _ in range(2):
        choice = client.chat.completions.create(
            model=model, messages=messages, max_tokens=max_tokens).choices[0]
        parts.append(choice.message.content or "")
        if choice.finish_reason != "length":
            return "".join(parts)
        messages = messages + [{{"role": "assistant", "content": parts[-1]}},
                               {{"role": "user", "content": "Continue exactly where you stopped."}}]
    raise RuntimeError("model output was cut off twice; not using it")
)py")},
    {dunetrace::lit("Shorten tool outputs before they enter the context"), dunetrace::lit("python"),
     dunetrace::lit(R"py(MAX_TOOL_CHARS = 4000

def shorten(output):
    text = str(output)
    if len(text) <= MAX_TOOL_CHARS:
        return text
    half = MAX_TOOL_CHARS // 2
    return f"{{text[:half]}}\n... {{len(text) - MAX_TOOL_CHARS}} characters left out ...\n{{text[-half:]}}"
)py")},
    {dunetrace::lit("Raise the output limit or use a model with a larger one"), dunetrace::lit("python"),
     dunetrace::lit(R"py(# The limit of one call, by model. Take the values from your provider's model page.
OUTPUT_LIMITS = {{"small-model": 4096, "large-model": 16384}}

def call_settings(model, expected_tokens):
    for name in (model, "large-model"):
        if OUTPUT_LIMITS.get(name, 0) >= expected_tokens:
            return {{"model": name, "max_tokens": expected_tokens}}
    raise ValueError(f"no model writes {{expected_tokens}} tokens in one call: split the task")
)py")},
};

inline constexpr dune_template kExplanations[] = {
    {sizeof(dune_template), sizeof(kFixes) / sizeof(kFixes[0]), dunetrace::lit("LLM_TRUNCATION_LOOP"),
     dunetrace::lit("Model output cut off {truncation_count|plural:\"time\"|or:\"repeatedly\"} by the output limit"),
     dunetrace::lit("{truncation_count|or:\"An unknown number\"} of {total_llm_calls|plural:\"model call\"|or:\"the "
                    "model calls\"} hit the output limit{?first_truncation_step>=0 && last_truncation_step>=0}, first "
                    "at step {first_truncation_step} and last at step {last_truncation_step}{/}. The agent went on "
                    "with the incomplete output instead of continuing or discarding it."),
     dunetrace::lit("Cut-off output means broken JSON, half plans and missing arguments, and every later step builds "
                    "on them. As the context grows it gets worse."),
     dunetrace::lit(
         "Truncated: {truncation_count} of {total_llm_calls|plural:\"model call\"}{?first_truncation_step>=0 && "
         "last_truncation_step>=0}; first at step {first_truncation_step}, last at step {last_truncation_step}{/}. "
         "{?token_counts_at_truncation}Prompt tokens at the cut: {token_counts_at_truncation|sample:8|number|join:\"; "
         "\"}. {/}{?models}Models: {models|quote|join:\", \"}. {/}Confidence: {confidence|pct}%"),
     kFixes},
};

}  // namespace llm_truncation_loop_text
