#include "store/run_events.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <numeric>
#include <tuple>

#include "store/claim_columns.hpp"
#include "store/removed_events.hpp"

namespace dunetrace::store {
namespace {

// Payloads become text outside of the limit: what is cut off is not converted.
constexpr auto kEvents = R"(
  SELECT w.place, e.id, e.event_type, e.step_index, e."timestamp", e.agent_id, e.agent_version, e.payload::text,
         e.parent_run_id
  FROM unnest($1::text[], $2::text[], $3::float8[]) WITH ORDINALITY AS w(customer_id, run_id, since, place)
  CROSS JOIN LATERAL (
    SELECT * FROM events
    WHERE customer_id = w.customer_id AND run_id = w.run_id
      AND received_at >= to_timestamp(w.since) - interval '1 second'
    ORDER BY step_index, "timestamp", id LIMIT $4) AS e)";

// Of runs that were cut: the last terminal event, and the last event of all, which has the largest step.
constexpr auto kLastEvents = R"(
  SELECT w.place, e.id, e.event_type, e.step_index, e."timestamp", e.agent_id, e.agent_version, e.payload::text,
         e.parent_run_id
  FROM unnest($1::text[], $2::text[], $3::float8[]) WITH ORDINALITY AS w(customer_id, run_id, since, place)
  CROSS JOIN LATERAL (
    (SELECT * FROM events
     WHERE customer_id = w.customer_id AND run_id = w.run_id
       AND received_at >= to_timestamp(w.since) - interval '1 second'
       AND event_type IN ('run.completed', 'run.errored')
     ORDER BY step_index DESC, "timestamp" DESC, id DESC LIMIT 1)
    UNION ALL
    (SELECT * FROM events
     WHERE customer_id = w.customer_id AND run_id = w.run_id
       AND received_at >= to_timestamp(w.since) - interval '1 second'
     ORDER BY step_index DESC, "timestamp" DESC, id DESC LIMIT 1)) AS e
  ORDER BY w.place, e.step_index, e."timestamp", e.id)";

Event event_of(const pqxx::row& row) {
  Event event;
  event.id = number<std::int64_t>(row[1]);
  event.type = text(row[2]);
  event.kind = event_kind(event.type);
  event.step_index = number<std::int32_t>(row[3]);
  event.timestamp = number<double>(row[4]);
  event.agent_id = text(row[5]);
  event.agent_version = text(row[6]);
  event.payload = text(row[7]);
  if (!row[8].is_null()) event.parent_run_id = text(row[8]);
  return event;
}

bool before(const Event& a, const Event& b) {
  return std::tie(a.step_index, a.timestamp, a.id) < std::tie(b.step_index, b.timestamp, b.id);
}

}  // namespace

Result<std::vector<LoadedRun>> load_events(Database& db, const std::vector<ClaimedRun>& runs, std::size_t max_events,
                                           double now) {
  return query(db, "load events", [&](pqxx::work& tx) -> Result<std::vector<LoadedRun>> {
    const auto counted = [now](const ClaimedRun& run) { return wants_count(run, now); };
    if (std::ranges::any_of(runs, counted)) tx.exec0("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ");
    std::vector<LoadedRun> out(runs.size());
    // The results own the bytes that the events point into.
    const auto results = std::make_shared<std::vector<pqxx::result>>();
    const auto load = [&](const char* sql, const std::vector<std::size_t>& which, const auto&... limit) {
      Columns<3> columns;
      for (const auto i : which) {
        columns[0].add(runs[i].customer_id);
        columns[1].add(runs[i].run_id);
        columns[2].add_plain(fmt::format("{}", runs[i].first_received_at));
      }
      results->push_back(tx.exec_params(sql, columns[0].text(), columns[1].text(), columns[2].text(), limit...));
      for (const auto& row : results->back()) {
        auto& events = out[which[number<std::size_t>(row[0]) - 1]].events;
        const auto event = event_of(row);
        // What comes last may have come already.
        if (sizeof...(limit) > 0 || events.empty() || before(events.back(), event)) events.push_back(event);
      }
    };
    std::vector<std::size_t> all(runs.size());
    std::iota(all.begin(), all.end(), std::size_t{0});
    load(kEvents, all, max_events);
    std::vector<std::size_t> found;
    for (const auto& run : out) found.push_back(run.events.size());
    for (const auto i : runs_with_removed_events(tx, runs, found, max_events, now)) out[i].events_removed = true;
    std::vector<std::size_t> cut;
    for (const auto i : all) {
      out[i].customer_id = runs[i].customer_id;
      out[i].run_id = runs[i].run_id;
      out[i].storage = results;
      if (out[i].events.size() == max_events) cut.push_back(i);
    }
    if (!cut.empty()) load(kLastEvents, cut);
    return out;
  });
}

}  // namespace dunetrace::store
