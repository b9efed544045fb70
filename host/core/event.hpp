// One event of an agent run as it is stored (spec/wire.md 3.1, 4). The texts are views: whoever holds a RunEvents
// keeps them alive through `storage`.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dunetrace {

enum class EventKind : std::uint8_t {
  other,  // a name this build does not know; kept, shown, not interpreted
  run_started,
  run_completed,
  run_errored,
  llm_called,
  llm_responded,
  tool_called,
  tool_responded,
  retrieval_called,
  retrieval_responded,
  external_signal,
  policy_triggered
};

// The eleven wire names; anything else is `other`.
[[nodiscard]] EventKind event_kind(std::string_view wire_name);

// The wire name; empty for `other`.
[[nodiscard]] std::string_view wire_name(EventKind kind);

[[nodiscard]] constexpr bool is_terminal(EventKind kind) {
  return kind == EventKind::run_completed || kind == EventKind::run_errored;
}

// Annotations describe the current step and are no step themselves (spec/detectors.md 1.5).
[[nodiscard]] constexpr bool is_annotation(EventKind kind) {
  return kind == EventKind::external_signal || kind == EventKind::policy_triggered;
}

struct Event {
  std::int64_t id = 0;  // insertion order, the last tie-breaker of the replay
  EventKind kind = EventKind::other;
  std::int32_t step_index = 0;
  double timestamp = 0;  // Unix seconds as the client sent them
  std::string_view type;
  std::string_view agent_id;
  std::string_view agent_version;
  std::string_view payload;        // text of one JSON object
  std::string_view parent_run_id;  // data() is nullptr when the event has none
};

// All stored events of one run, in replay order (step_index, timestamp, id).
struct RunEvents {
  std::string customer_id;
  std::string run_id;
  std::vector<Event> events;
  std::shared_ptr<const void> storage;  // owns the bytes behind the views
  bool truncated = false;               // payloads that are too large were left out
};

}  // namespace dunetrace
