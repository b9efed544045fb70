// What an operator reads about FIRST_STEP_FAILURE: texts with placeholders over the evidence of rule 3.13, rendered by
// the host. Static data only; the language is in docs/templates.md.
#pragma once
#include <dunetrace/detector.hpp>

namespace first_step_failure_text {

// Two for every case, then the one for the trigger; an unknown trigger gets the traceback.
inline constexpr dune_fix kFixes[] = {
    {dunetrace::lit("Log the conditions at the start, without content"), dunetrace::lit("python"),
     dunetrace::lit(R"py(import logging
import os

def log_start(model, tools, user_input, required_env=("MODEL_API_KEY",)):
    logging.info("agent start: model=%s tools=%d input_chars=%d missing_env=%s",
                 model, len(tools), len(user_input or ""),
                 [name for name in required_env if not os.environ.get(name)])
)py")},
    {dunetrace::lit("Validate the input before the first model call"), dunetrace::lit("python"),
     dunetrace::lit(R"py(MAX_INPUT_CHARS = 20000

def checked_input(user_input):
    if not isinstance(user_input, str) or not user_input.strip():
        raise ValueError("empty input")
    if len(user_input) > MAX_INPUT_CHARS:
        raise ValueError(f"input of {{len(user_input)}} characters is longer than {{MAX_INPUT_CHARS}}")
    return user_input.strip()
)py")},
    {dunetrace::lit("{?trigger=empty_llm_response}Check whether the model refuses{/}"), dunetrace::lit("text"),
     dunetrace::lit("Send the same system prompt with a harmless input. If that is answered, the model declines this "
                    "kind of input silently: add \"If you cannot help, say so in one sentence and say why.\" If it is "
                    "empty too, look at the system prompt, the stop sequences and the content filter of the account.")},
    {dunetrace::lit("{?trigger=tool_failure}Test the connection of the tools before the run{/}"),
     dunetrace::lit("python"), dunetrace::lit(R"py(def check_tools(probes):
    # one cheap call per tool, for example {{"search": lambda: search("ping")}}
    broken = {{}}
    for name, probe in probes.items():
        try:
            probe()
        except Exception as error:
            broken[name] = f"{{type(error).__name__}}: {{error}}"
    if broken:
        raise RuntimeError(f"tools not reachable: {{broken}}")
)py")},
    {dunetrace::lit(
         "{?trigger=empty_llm_response}{:?trigger=tool_failure}{:}Read the traceback of the failed start{/}"),
     dunetrace::lit("text"),
     dunetrace::lit("The text of the error stays on your side, only its class and hash were sent. Search your "
                    "application log for run {run_id|quote} and look at the last frame of your own code. At the first "
                    "steps it is usually a missing key, a wrong model name or a changed function signature.")},
};

inline constexpr dune_template kExplanations[] = {
    {sizeof(dune_template), sizeof(kFixes) / sizeof(kFixes[0]), dunetrace::lit("FIRST_STEP_FAILURE"),
     dunetrace::lit("Run failed at step {?failed_step>=0}{failed_step}{:}{step_index}{/}: "
                    "{?trigger=run_errored}uncaught error{:?trigger=empty_llm_response}empty model "
                    "output{:?trigger=tool_failure}first tool failed{?tool} ({tool|quote}){/}{:}it never got going{/}"),
     dunetrace::lit("The run failed before it did any useful work. {?trigger=run_errored}An uncaught error ended "
                    "it{?failed_step>=0} at step {failed_step}{/}.{:?trigger=empty_llm_response}The model returned an "
                    "empty output{?failed_step>=0} at step {failed_step}{/}.{:?trigger=tool_failure}The tool "
                    "call{?failed_step>=0} at step {failed_step}{/}{?tool}, to {tool|quote},{/} failed.{:}It broke at "
                    "step {?failed_step>=0}{failed_step}{:}{step_index}{/}.{/}"),
     dunetrace::lit("A failure this early is rarely bad luck. It usually comes from the configuration (keys, model "
                    "name, prompt, a tool's address) and repeats on every similar run until somebody mends it."),
     dunetrace::lit(
         "Trigger: {?trigger=run_errored}uncaught error{:?trigger=empty_llm_response}empty model "
         "output{:?trigger=tool_failure}tool failure{:}{trigger}{/}; failed step: {failed_step}{?tool}; tool: "
         "{tool|quote}{/}{?max_step}; counts as early up to step {max_step}{/}. Confidence: {confidence|pct}%"),
     kFixes},
};

}  // namespace first_step_failure_text
