#include "stored_runs.hpp"

#include <stdexcept>

#include "core/ids.hpp"
#include "store/ingest_rows.hpp"

namespace dunetrace::testing {

void store_events(store::Database& db, const std::string& customer, const std::string& run, const std::string& agent,
                  const std::vector<SentEvent>& events) {
  AcceptedBatch batch;
  batch.batch_id = new_uuid();
  batch.customer_id = customer;
  for (const auto& event : events) {
    AcceptedEvent accepted;
    accepted.kind = event_kind(event.type);
    accepted.run_id = run;
    accepted.agent_id = agent;
    accepted.agent_version = "v1";
    accepted.step_index = event.step;
    accepted.timestamp = event.at;
    accepted.payload = event.payload;
    batch.events.push_back(accepted);
  }
  const store::BatchSlice slice{&batch, 0, batch.events.size(), 0};
  const auto spool = new_uuid();  // one of its own for every call: nothing was written from it before
  const auto done = store::write_events(db, {.id = spool, .durable = false}, {&slice, 1});
  if (!done) throw std::runtime_error(done.error().text);
}

std::vector<SentEvent> looping_run() {
  std::vector<SentEvent> events{{"run.started", 0, 100, R"({"tools":["search"]})"}};
  for (int step = 1; step <= 5; ++step) {
    events.push_back({"tool.called", step, 100.0 + step, R"({"tool_name":"search","args_hash":"x"})"});
    events.push_back({"tool.responded", step, 100.5 + step, R"({"tool_name":"search","success":true})"});
  }
  events.push_back({"run.completed", 6, 107, R"({"exit_reason":"final_answer"})"});
  return events;
}

}  // namespace dunetrace::testing
