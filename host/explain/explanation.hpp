// What goes into an explanation and what comes out. Plain values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/signal.hpp"
#include "plugin/descriptor.hpp"

namespace dunetrace::explain {

// A stored signal, as the caller has it; only looked at during the call.
struct SignalFacts {
  std::string_view failure_type;
  Severity severity = Severity::low;
  double confidence = 0;  // 0 … 1; a stored 4-byte float will do
  std::int32_t step_index = 0;
  std::string_view run_id;
  std::string_view agent_id;
  std::string_view agent_version;
  std::string_view evidence;  // a JSON object; anything else counts as {}
};

// Plain text for people: valid UTF-8, no control characters, but whatever strangers named their tools. Who sends it on
// escapes it for the place (a page, a chat).
struct Explanation {
  std::string title;                         // one line
  std::string what;                          // what the agent did
  std::string why_it_matters;                // for users, cost, safety
  std::string evidence_summary;              // ends with the confidence in percent
  std::vector<plugin::Fix> suggested_fixes;  // 1 … 3
};

}  // namespace dunetrace::explain
