// The explanation of a signal nobody wrote a text for. Internal to explain/; pure.
#pragma once

#include "explain/explanation.hpp"
#include "json/reader.hpp"

namespace dunetrace::explain {

[[nodiscard]] Explanation generic_explanation(const SignalFacts& facts, const json::Value& evidence);
// The one thing that always helps.
[[nodiscard]] plugin::Fix inspect_events_fix(const SignalFacts& facts);

}  // namespace dunetrace::explain
