// A batch of events that has been validated and may be promised to the client, on its way from the ingest port through
// the spool into the database. The texts are views into `storage`; immutable once made.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/event.hpp"

namespace dunetrace {

struct AcceptedEvent {
  EventKind kind = EventKind::other;  // never `other`: validation refuses unknown names
  std::int32_t step_index = 0;
  double timestamp = 0;  // Unix seconds
  std::string_view run_id;
  std::string_view agent_id;
  std::string_view agent_version;
  std::string_view payload;        // text of one JSON object that the database takes
  std::string_view parent_run_id;  // data() is nullptr when the event has none
  std::string_view model;          // of run.started; data() is nullptr when not given
  std::int64_t prompt_tokens = 0;  // of model calls and responses
  std::int64_t completion_tokens = 0;
};

struct AcceptedBatch {
  std::string batch_id;
  std::string customer_id;
  double accepted_at = 0;          // Unix seconds
  std::string idempotency_key;     // of the request, made unique per customer; empty when it had none
  std::uint64_t request_hash = 0;  // of a request with such a key: tells whether another one is the same
  std::vector<AcceptedEvent> events;
  std::size_t bytes = 0;                // memory held by `storage`, roughly
  std::shared_ptr<const void> storage;  // shared only because it is of any type
};

}  // namespace dunetrace
