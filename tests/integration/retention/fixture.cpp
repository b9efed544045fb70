#include "fixture.hpp"

#include <algorithm>

#include "testing/wait.hpp"

namespace dunetrace::testing {
namespace {

// A keeper that is running may be at the same work: then it is tried again, as the keeper does.
void place_strays(store::Database& db) {
  std::string error;
  ASSERT_TRUE(wait_until([&] {
    const auto placed = store::place_stray_events(db, 1'000'000);
    if (!placed) error = placed.error().text;
    return placed.has_value();
  })) << error;
}

}  // namespace

void RetentionTest::add_day(int days_ago, int events) {
  const auto days = std::to_string(days_ago);
  database_.exec(
      "INSERT INTO events (customer_id, batch_id, event_type, run_id, agent_id, agent_version, step_index, "
      "\"timestamp\", received_at) SELECT 'c', 'b', 'llm.called', 'old-" +
      days +
      "', 'a', 'v', n, n, (date_trunc('day', now() AT TIME ZONE 'UTC') + interval '1 hour') AT TIME ZONE 'UTC' - " +
      days + " * interval '24 hours' FROM generate_series(1, " + std::to_string(events) + ") n");
  place_strays(db_);
}

void RetentionTest::age(const std::string& run_id, int days) {
  const auto back = std::to_string(days) + " * interval '24 hours'";
  database_.exec("UPDATE events SET received_at = received_at - " + back + " WHERE run_id = '" + run_id +
                 "'; UPDATE runs SET first_received_at = first_received_at - " + back +
                 ", last_received_at = last_received_at - " + back + " WHERE run_id = '" + run_id + "'");
  place_strays(db_);
}

std::string RetentionTest::name_of(int days_ago) const {
  return database_.scalar("SELECT 'events_' || to_char(now() AT TIME ZONE 'UTC' - " + std::to_string(days_ago) +
                          " * interval '24 hours', 'YYYYMMDD')");
}

std::vector<std::string> RetentionTest::names() const {
  std::vector<std::string> out;
  for (const auto& row : database_.rows("SELECT name FROM event_partition_bounds() ORDER BY ends_at"))
    out.push_back(row.at(0).value_or(""));
  return out;
}

bool RetentionTest::exists(int days_ago) const {
  const auto all = names();
  return std::find(all.begin(), all.end(), name_of(days_ago)) != all.end();
}

std::vector<std::string> RetentionTest::due(int days) {
  std::vector<std::string> out;
  const auto listed = store::list_event_partitions(db_, days);
  EXPECT_TRUE(listed) << listed.error().text;
  if (!listed) return out;
  for (const auto& part : *listed) {
    if (part.state == store::EventPartition::State::due) out.push_back(part.name);
  }
  return out;
}

}  // namespace dunetrace::testing
