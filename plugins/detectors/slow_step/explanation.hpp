// What an operator reads about SLOW_STEP: texts with placeholders over the evidence of rule 3.8, rendered by the host.
// Static data only; the language is in docs/templates.md.
#pragma once
#include <dunetrace/detector.hpp>

namespace slow_step_text {

// One of the two, by what was slow.
inline constexpr dune_fix kFixes[] = {
    {dunetrace::lit("{?event_type=llm.called}Put a time limit on the model call and report when it strikes{/}"),
     dunetrace::lit("python"), dunetrace::lit(R"py(import openai

MODEL_TIMEOUT_S = 30

def ask(client, run, **request):
    try:
        return client.with_options(timeout=MODEL_TIMEOUT_S, max_retries=1).chat.completions.create(**request)
    except openai.APITimeoutError:
        run.external_signal("model_timeout", source="agent", limit_s=MODEL_TIMEOUT_S)
        raise
)py")},
    {dunetrace::lit("{?event_type!=llm.called}Put a time limit on every call and report when it strikes{/}"),
     dunetrace::lit("python"), dunetrace::lit(R"py(from concurrent.futures import ThreadPoolExecutor, TimeoutError

CALL_TIMEOUT_S = 10
pool = ThreadPoolExecutor(max_workers=8)

def call_with_timeout(run, name, function, *args, **kwargs):
    future = pool.submit(function, *args, **kwargs)
    try:
        return future.result(timeout=CALL_TIMEOUT_S)
    except TimeoutError:
        future.cancel()
        run.external_signal("call_timeout", source=name, limit_s=CALL_TIMEOUT_S)
        return f"{{name}} did not answer within {{CALL_TIMEOUT_S}} s. Continue without it or tell the user."
)py")},
};

inline constexpr dune_template kExplanations[] = {
    {sizeof(dune_template), sizeof(kFixes) / sizeof(kFixes[0]), dunetrace::lit("SLOW_STEP"),
     dunetrace::lit("Slow {step_label|or:\"step\"}: {duration_ms|seconds|or:\"too long\"} at step "
                    "{step_index}{?threshold_ms} (limit {threshold_ms|seconds}){/}"),
     dunetrace::lit(
         "At step {step_index} one {step_label|or:\"step\"} took {duration_ms|seconds|or:\"too long\"}{?ratio && "
         "threshold_ms}, {ratio}× its limit of {threshold_ms|seconds}{/}{?baseline_p75}, which is learned from this "
         "version's usual {baseline_p75|seconds}{/}. {?coincident_signals}Infrastructure signals in that time: "
         "{coincident_signals|pluck:signal_name|unique|quote|first:5|join:\", \"}{?coincident_signals.0.source} (from "
         "{coincident_signals|pluck:source|unique|quote|first:5|join:\", \"}){/}; look there first.{:}No "
         "infrastructure signal was reported in that time.{/}"),
     dunetrace::lit("The whole agent loop waits for this step. Users run into time-outs, and a slow step often hides a "
                    "failure that nobody reports."),
     dunetrace::lit("Step {step_index}, {?event_type}event {event_type}, {/}duration {duration_ms|seconds}, limit "
                    "{threshold_ms|seconds}, ratio {ratio}. {?all_slow_steps}Steps above their limit: "
                    "{all_slow_steps|keys|first:12|join:\", \"}. {/}{?baseline_p75}Usual (P75): "
                    "{baseline_p75|seconds}. {/}{?coincident_signals}Signals at the same time: "
                    "{coincident_signals|count}. {/}Confidence: {confidence|pct}%"),
     kFixes},
};

}  // namespace slow_step_text
