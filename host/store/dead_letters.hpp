// Events that the database refused for their content: kept aside with the reason until somebody retries or drops them.
// Thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "store/ingest_rows.hpp"

namespace dunetrace::store {

// The single event of `slice` goes into dead_letters, and the position of its spool beyond it. Returns the position and
// fails like write_events.
[[nodiscard]] Result<std::uint64_t> write_dead_letter(Database& db, const SpoolRef& spool, const BatchSlice& slice,
                                                      const std::string& reason);

struct DeadLetter {
  std::int64_t id = 0;
  std::string customer_id, event_type, run_id, agent_id, reason;
  std::int32_t step_index = 0;
  int attempts = 0;
  double failed_at = 0;  // Unix seconds
  std::string batch_id, agent_version;
  double timestamp = 0;  // Unix seconds
  std::string payload;   // the client's bytes
  std::optional<std::string> parent_run_id;
};

// All of them unless something is given.
struct DeadLetterFilter {
  std::optional<std::string> customer_id, run_id;
};

// The oldest first, `limit` at most, behind the one with id `after`.
[[nodiscard]] Result<std::vector<DeadLetter>> list_dead_letters(Database& db, std::int64_t after, int limit,
                                                                const DeadLetterFilter& filter = {});

// How many there are, counted up to `most`.
[[nodiscard]] Result<std::int64_t> count_dead_letters(Database& db, std::int64_t most);

// Stores the event after all and removes the letter. Code::invalid_argument when the database refuses it again (the
// letter then has the new reason), Code::not_found when there is no such letter.
[[nodiscard]] Result<> retry_dead_letter(Database& db, std::int64_t id);

// Code::not_found when there is no such letter.
[[nodiscard]] Result<> drop_dead_letter(Database& db, std::int64_t id);

}  // namespace dunetrace::store
