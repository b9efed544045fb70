// What an operator reads about TOOL_HOPPING. Static data only; the language is in docs/templates.md.
#pragma once
#include <dunetrace/detector.hpp>

namespace tool_hopping_text {

inline constexpr dune_fix kFixes[] = {
    {dunetrace::lit("Say in the prompt which tool is for what"), dunetrace::lit("text"),
     dunetrace::lit("Use search for facts and db for orders. Do not try the others.")},
};

inline constexpr dune_template kExplanations[] = {
    {sizeof(dune_template), 1, dunetrace::lit("TOOL_HOPPING"), dunetrace::lit("{tools|plural:\"tool\"} in one run"),
     dunetrace::lit("The agent called {tools|plural:\"different tool\"}."),
     dunetrace::lit("An agent that tries everything does not know its tools."),
     dunetrace::lit("Different tools: {tools}. Confidence: {confidence|pct}%"), kFixes},
};

}  // namespace tool_hopping_text
