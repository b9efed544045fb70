// Runs in a real database, written the way the ingest writer writes them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/batch.hpp"
#include "store/database.hpp"

namespace dunetrace::testing {

struct SentEvent {
  std::string type;
  int step = 0;
  double at = 0;
  std::string payload = "{}";
};

// Stores the events of one run as one batch; throws when the database refuses them.
void store_events(store::Database& db, const std::string& customer, const std::string& run, const std::string& agent,
                  const std::vector<SentEvent>& events);

// A finished run whose five equal calls are a loop.
[[nodiscard]] std::vector<SentEvent> looping_run();

}  // namespace dunetrace::testing
