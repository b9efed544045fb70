// A record of the spool file: any bytes; and what can be read is written and read again as the same batch.
#include "spool/record.hpp"

#include <cstring>

#include "fuzz.hpp"

namespace dunetrace::fuzz {
namespace {

bool same_text(std::string_view a, std::string_view b) {
  return a == b && (a.data() == nullptr) == (b.data() == nullptr);
}

bool equal(const AcceptedEvent& a, const AcceptedEvent& b) {
  return a.kind == b.kind && a.step_index == b.step_index &&
         std::memcmp(&a.timestamp, &b.timestamp, sizeof a.timestamp) == 0 && a.run_id == b.run_id &&
         a.agent_id == b.agent_id && a.agent_version == b.agent_version && a.payload == b.payload &&
         same_text(a.parent_run_id, b.parent_run_id) && same_text(a.model, b.model) &&
         a.prompt_tokens == b.prompt_tokens && a.completion_tokens == b.completion_tokens;
}

}  // namespace

void run(std::string_view input) {
  const auto batch = spool::from_record(std::string(input));
  if (!batch) {
    DUNE_HOLDS(batch.error().text.find("byte") != std::string::npos, batch.error().text);
    return;
  }
  const auto record = spool::to_record(*batch);
  const auto again = spool::from_record(record);
  DUNE_HOLDS(again && again->batch_id == batch->batch_id && again->customer_id == batch->customer_id, record);
  DUNE_HOLDS(again->events.size() == batch->events.size(), record);
  for (std::size_t i = 0; i < batch->events.size(); ++i) DUNE_HOLDS(equal(again->events[i], batch->events[i]), record);
  DUNE_HOLDS(spool::to_record(*again) == record, record);
  // One changed word is seen.
  if (record.empty()) return;
  auto changed = record;
  auto& byte = changed[Random(input).below(changed.size())];
  byte = static_cast<char>(byte ^ 0x20);
  DUNE_HOLDS(spool::checksum(changed) != spool::checksum(record), record);
}

}  // namespace dunetrace::fuzz
