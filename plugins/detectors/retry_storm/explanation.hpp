// What an operator reads about RETRY_STORM: texts with placeholders over the evidence of rule 3.9, rendered by the
// host. Static data only; the language is in docs/templates.md.
#pragma once
#include <dunetrace/detector.hpp>

namespace retry_storm_text {

inline constexpr dune_fix kFixes[] = {
    {dunetrace::lit("Back off between attempts and open a circuit breaker"), dunetrace::lit("python"),
     dunetrace::lit(R"py(import time

class Breaker:
    def __init__(self, max_failures=2, pause_s=60):
        self.max_failures, self.pause_s = max_failures, pause_s
        self.failures, self.open_until = 0, 0.0

    def call(self, tool, **args):
        if time.monotonic() < self.open_until:
            return "This tool is unavailable right now. Do not call it again in this run."
        for wait_s in (0, 1, 4):
            time.sleep(wait_s)
            try:
                result = tool(**args)
                self.failures = 0
                return result
            except Exception as error:
                last = error
        self.failures += 1
        if self.failures >= self.max_failures:
            self.open_until = time.monotonic() + self.pause_s
        return f"The tool failed three times: {{last}}"
)py")},
    {dunetrace::lit("Tell the agent to stop after two failures"), dunetrace::lit("text"),
     dunetrace::lit("If {tool|quote|or:\"a tool\"} fails twice, do not call it again in this conversation. Use another "
                    "way, or tell the user what is not working and what you could not do.")},
    {dunetrace::lit("Show the model what went wrong"), dunetrace::lit("python"),
     dunetrace::lit(R"py(def run_tool(tool, args):
    try:
        return {{"ok": True, "result": tool(**args)}}
    except Exception as error:
        return {{
            "ok": False,
            "error": f"{{type(error).__name__}}: {{error}}",
            "retry_makes_sense": isinstance(error, (TimeoutError, ConnectionError)),
        }}
)py")},
};

inline constexpr dune_template kExplanations[] = {
    {sizeof(dune_template), sizeof(kFixes) / sizeof(kFixes[0]), dunetrace::lit("RETRY_STORM"),
     dunetrace::lit("{tool|quote|or:\"One tool\"} failed {consecutive_fails|plural:\"time\"} in a row"),
     dunetrace::lit("{tool|quote|or:\"One tool\"} failed {consecutive_fails|plural:\"time\"} in a row"
                    "{?first_fail_step>=0}, starting at step {first_fail_step}{/}, and never recovered. "
                    "{?args_identical=true}The arguments were identical each time"
                    "{:?args_identical=false}The arguments changed between the calls"
                    "{:}Whether the arguments changed is not recorded{/}; "
                    "{?reason_identical=true}the error was the same every time."
                    "{:?reason_identical=false}the errors were different, or not all of them were recorded."
                    "{:}the errors are not recorded.{/}"),
     dunetrace::lit("The tool or something behind it is broken, and the agent keeps trying without a change that could "
                    "help. Each failure costs a full model turn, and the retries load a dependency that is already in "
                    "trouble."),
     dunetrace::lit("{tool|quote|or:\"The tool\"}: {consecutive_fails|plural:\"failure\"} in a row"
                    "{?threshold} (limit {threshold}){/}"
                    "{?step_indices}, at steps {step_indices|first:12|join:\", \"}{/}. "
                    "Arguments identical: {args_identical}. Same error: {reason_identical}"
                    "{?failure_reason_hash} (hash {failure_reason_hash|short|quote}){/}. "
                    "Confidence: {confidence|pct}%"),
     kFixes},
};

}  // namespace retry_storm_text
