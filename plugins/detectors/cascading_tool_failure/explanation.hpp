// What an operator reads about CASCADING_TOOL_FAILURE: texts with placeholders over the evidence of rule 3.12, rendered
// by the host. Static data only; the language is in docs/templates.md.
#pragma once
#include <dunetrace/detector.hpp>

namespace cascading_tool_failure_text {

inline constexpr dune_fix kFixes[] = {
    {dunetrace::lit("Check the shared dependencies before the agent starts"), dunetrace::lit("python"),
     dunetrace::lit(R"py(def unhealthy(checks):
    failed = []
    for name, check in checks.items():  # for example {{"database": db.ping, "gateway": gateway.ping}}
        try:
            check()
        except Exception as error:
            failed.append(f"{{name}}: {{error}}")
    return failed

def run_agent(loop, checks):
    failed = unhealthy(checks)
    if failed:
        return "Not started, a dependency is down: " + "; ".join(failed)
    return loop()
)py")},
    {dunetrace::lit("Give the run one failure budget across all tools"), dunetrace::lit("python"),
     dunetrace::lit(R"py(class FailureBudget:
    def __init__(self, limit=3):
        self.limit, self.used = limit, 0

    def call(self, tool, **args):
        if self.used >= self.limit:
            raise RuntimeError("failure budget used up: several tools are failing")
        try:
            result = tool(**args)
        except Exception as error:
            self.used += 1
            return f"Failed: {{error}}"
        self.used = 0
        return result
)py")},
    {dunetrace::lit("Tell the agent when to give up"), dunetrace::lit("text"),
     dunetrace::lit("If two different tools fail one after the other, assume that a system behind them is down. Stop "
                    "calling tools, tell the user which part is not working, and offer to try again later.")},
};

inline constexpr dune_template kExplanations[] = {
    {sizeof(dune_template), sizeof(kFixes) / sizeof(kFixes[0]), dunetrace::lit("CASCADING_TOOL_FAILURE"),
     dunetrace::lit("{consecutive_failures|plural:\"tool failure\"|or:\"Several tool failures\"} in a row across "
                    "{distinct_tools|quote|first:5|join:\", \"|or:\"several tools\"}"),
     dunetrace::lit("{?first_fail_step>=0}From step {first_fail_step} on{:}At the end of the run{/} every tool call "
                    "failed: {consecutive_failures|plural:\"failure\"|or:\"several\"} in a row over "
                    "{distinct_tools|count|plural:\"different tool\"|or:\"several different tools\"}{?distinct_tools} "
                    "({distinct_tools|quote|join:\", \"}){/}."),
     dunetrace::lit(
         "Different tools rarely break at once on their own. This points to something they share: a database, a "
         "gateway, credentials or the network. Other runs and other agents are probably hit as well."),
     dunetrace::lit(
         "Failures in a row: {consecutive_failures}{?threshold} (limit {threshold}){/}{?first_fail_step>=0}; first at "
         "step {first_fail_step}{/}; tools: {distinct_tools|quote|join:\", \"}. Confidence: {confidence|pct}%"),
     kFixes},
};

}  // namespace cascading_tool_failure_text
