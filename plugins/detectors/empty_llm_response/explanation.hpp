// What an operator reads about EMPTY_LLM_RESPONSE: texts with placeholders over the evidence of rule 3.10, rendered by
// the host. Static data only; the language is in docs/templates.md.
#pragma once
#include <dunetrace/detector.hpp>

namespace empty_llm_response_text {

inline constexpr dune_fix kFixes[] = {
    {dunetrace::lit("Guard against empty output before using it"), dunetrace::lit("python"),
     dunetrace::lit(R"py(def ask(call_model, messages):
    text = (call_model(messages) or "").strip()
    if text:
        return text
    nudge = {{"role": "user", "content": "Your last answer was empty. Answer the question, or say why you cannot."}}
    text = (call_model(messages + [nudge]) or "").strip()
    if not text:
        raise RuntimeError("the model returned nothing twice")
    return text
)py")},
    {dunetrace::lit("Review the prompt for contradictory or conditional instructions"), dunetrace::lit("text"),
     dunetrace::lit("Look for instructions that allow silence or exclude each other, for example \"answer only if …\" "
                    "without an else, \"reply with JSON only\" next to \"explain your answer\", or a stop sequence "
                    "that matches the first characters of a normal answer. Add: \"If you cannot answer, say so in one "
                    "sentence. Never return an empty message.\"")},
};

inline constexpr dune_template kExplanations[] = {
    {sizeof(dune_template), sizeof(kFixes) / sizeof(kFixes[0]), dunetrace::lit("EMPTY_LLM_RESPONSE"),
     dunetrace::lit(
         "Model returned an empty response at step {?first_step>=0}{first_step}{:}{step_index}{/}{?occurrences>1} "
         "({occurrences|plural:\"time\"} in this run){/}"),
     dunetrace::lit(
         "At step {?first_step>=0}{first_step}{:}{step_index}{/} the model returned nothing at all and reported a "
         "normal stop{?finish_reason} ({finish_reason|quote}){/}: no text, no tool call, no error. {?occurrences=1}It "
         "happened once in this run.{:}It happened {occurrences|plural:\"time\"} in this run.{/}"),
     dunetrace::lit("Nothing marks this as a failure, so it spreads: users see a blank answer, parsers crash on empty "
                    "input, and agents loop because the next step has nothing to work with."),
     dunetrace::lit("Empty responses: {occurrences}; first at step {first_step}; finish reason "
                    "{finish_reason|quote|or:\"unknown\"}. Confidence: {confidence|pct}%"),
     kFixes},
};

}  // namespace empty_llm_response_text
