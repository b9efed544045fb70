// What an operator reads about TOOL_LOOP: texts with placeholders over the evidence of rule 3.1, rendered by the host.
// Static data only; the language is in docs/templates.md.
#pragma once
#include <dunetrace/detector.hpp>

namespace tool_loop_text {

// The first four exclude each other; the hard step limit is always second.
inline constexpr dune_fix kFixes[] = {
    {dunetrace::lit("{?args_identical}Answer an identical call from memory instead of running the tool again{/}"),
     dunetrace::lit("python"), dunetrace::lit(R"py(import json

results = {{}}  # a new one for every run

def call_once(name, args, run_tool):
    key = (name, json.dumps(args, sort_keys=True, default=str))
    if key in results:
        return f"You already made this exact call. Result: {{results[key]}}. Use it or try something else."
    results[key] = run_tool(**args)
    return results[key]
)py")},
    {dunetrace::lit("{?!args_identical && args_similar}Tell the agent not to rephrase and retry{/}"),
     dunetrace::lit("text"),
     dunetrace::lit("If {tool|quote|or:\"a tool\"} did not give you what you need, do not rephrase the request and try "
                    "again. Use another tool, or answer with what you have and say what is missing.")},
    {dunetrace::lit("{?args_identical}{:?args_similar}{:?success_rate<0.5}Give up on a tool after two failures{/}"),
     dunetrace::lit("python"), dunetrace::lit(R"py(from collections import Counter

failures = Counter()  # a new one for every run

def call_or_give_up(name, args, run_tool):
    if failures[name] >= 2:
        return f"{{name}} is not working. Do not call it again: use another tool or tell the user."
    try:
        return run_tool(**args)
    except Exception as error:
        failures[name] += 1
        return f"{{name}} failed: {{error}}"
)py")},
    {dunetrace::lit("{?args_identical}{:?args_similar}{:?success_rate<0.5}{:}Cap the number of calls per tool{/}"),
     dunetrace::lit("python"), dunetrace::lit(R"py(from collections import Counter

MAX_CALLS_PER_TOOL = 4
calls = Counter()  # a new one for every run

def call_capped(name, args, run_tool):
    calls[name] += 1
    if calls[name] > MAX_CALLS_PER_TOOL:
        return f"Limit of {{MAX_CALLS_PER_TOOL}} calls to {{name}} reached. Answer with what you have."
    return run_tool(**args)
)py")},
    {dunetrace::lit("End every run after a fixed number of steps"), dunetrace::lit("python"),
     dunetrace::lit(R"py(MAX_STEPS = 15

def run_agent(next_step, state):
    for _ in range(MAX_STEPS):
        state = next_step(state)
        if state.get("answer"):
            return state["answer"]
    return "I could not finish this within the step limit. Here is what I have: " + str(state.get("notes", ""))
)py")},
};

inline constexpr dune_template kExplanations[] = {
    {sizeof(dune_template), sizeof(kFixes) / sizeof(kFixes[0]), dunetrace::lit("TOOL_LOOP"),
     dunetrace::lit("{tool|quote|or:\"One tool\"} called {count|plural:\"time\"}{?first_step>=0 && last_step>=0} "
                    "between steps {first_step} and {last_step}{/}"),
     dunetrace::lit(
         "The agent called {tool|quote|or:\"one tool\"} {count|plural:\"time\"}{?first_step>=0 && last_step>=0} from "
         "step {first_step} to step {last_step}{/}. {?args_identical}Every call had identical arguments: the agent "
         "does not remember what it already tried.{:?args_similar}The calls used only two different sets of arguments: "
         "the agent keeps rephrasing the same request.{:?success_rate<0.5}Only {success_rate|pct}% of the answered "
         "calls succeeded: the agent is hammering a broken tool.{:}The calls neither repeat one request nor mostly "
         "fail as far as recorded, so no clear cause is visible.{/}"),
     dunetrace::lit("Each call costs a model turn and time without bringing the task further, and the user waits until "
                    "something times out.{?wasted_tokens} About {wasted_tokens|number} prompt tokens went into the "
                    "repeated turns of this run.{/}"),
     dunetrace::lit(
         "{tool|quote|or:\"The tool\"} was called {count|plural:\"time\"} in the run{?step_indices}, at steps "
         "{step_indices|first:12|join:\", \"}{/}{?window}; looked at: the last {window|plural:\"tool call\"}{/}. "
         "Arguments: {?args_identical}identical{:?args_similar}two variants{:?args_hashes}{args_hashes|unique|count} "
         "variants{:}unknown{/}. {?success_rate!=null}Success rate {success_rate|pct}%.{:}No call reported success or "
         "failure.{/} {?wasted_tokens}Wasted prompt tokens: {wasted_tokens|number}. {/}Confidence: {confidence|pct}%"),
     kFixes},
};

}  // namespace tool_loop_text
