#include "core/event.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace dunetrace {
namespace {

constexpr std::array<std::pair<std::string_view, EventKind>, 11> kNames{{
    {"run.started", EventKind::run_started},
    {"run.completed", EventKind::run_completed},
    {"run.errored", EventKind::run_errored},
    {"llm.called", EventKind::llm_called},
    {"llm.responded", EventKind::llm_responded},
    {"tool.called", EventKind::tool_called},
    {"tool.responded", EventKind::tool_responded},
    {"retrieval.called", EventKind::retrieval_called},
    {"retrieval.responded", EventKind::retrieval_responded},
    {"external.signal", EventKind::external_signal},
    {"policy.triggered", EventKind::policy_triggered},
}};

}  // namespace

EventKind event_kind(std::string_view wire_name) {
  const auto* const found = std::ranges::find(kNames, wire_name, &std::pair<std::string_view, EventKind>::first);
  return found == kNames.end() ? EventKind::other : found->second;
}

std::string_view wire_name(EventKind kind) {
  const auto* const found = std::ranges::find(kNames, kind, &std::pair<std::string_view, EventKind>::second);
  return found == kNames.end() ? std::string_view() : found->first;
}

}  // namespace dunetrace
