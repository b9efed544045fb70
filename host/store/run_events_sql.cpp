#include "store/run_events_sql.hpp"

#include <fmt/format.h>

#include <array>
#include <string_view>

namespace dunetrace::store {
namespace {

constexpr auto kStored = R"(
          SELECT * FROM events
          WHERE customer_id = w.customer_id AND run_id = w.run_id
            AND received_at >= to_timestamp($5::float8) AND received_at <= to_timestamp($6::float8))";

constexpr auto kFirst = R"({0}
          ORDER BY step_index, "timestamp", id LIMIT $8)";

constexpr auto kEnd = R"(
          ({0} AND event_type IN ('run.completed', 'run.errored')
          ORDER BY step_index DESC, "timestamp" DESC, id DESC LIMIT 1)
          UNION ALL
          ({0}
          ORDER BY step_index DESC, "timestamp" DESC, id DESC LIMIT 1))";

// {0}: the events of one run, with their payloads as text; {1}: what becomes of the payload. OFFSET 0 keeps {0} one
// step in the index per run, and the conversion of a payload at one.
constexpr auto kRuns = R"(
  SELECT w.place, e.id, e.event_type, e.step_index, e."timestamp", nullif(e.agent_id, w.agent_id) AS agent_id,
         nullif(e.agent_version, w.agent_version) AS agent_version, {1} AS payload, e.parent_run_id
  FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])
         WITH ORDINALITY AS w(customer_id, run_id, agent_id, agent_version, place)
  CROSS JOIN LATERAL ({0} OFFSET 0) AS e)";

// A payload of more than 256 KiB of text is left out, so that no single one decides what a run takes; no detector needs
// so much of one. What is stored in more than 2 MiB, compressed or not, is left out without being read: jsonb takes
// several times its text at most, never eight times. That alone would not do, for what is stored may be hundreds of
// times smaller than its text (compression, 1e9999). So all others become text, which they have to anyway, and the text
// is measured.
constexpr auto kText = R"(
    SELECT id, event_type, step_index, "timestamp", agent_id, agent_version, parent_run_id,
           CASE WHEN pg_column_size(payload) <= 2097152 THEN payload::text END AS payload
    FROM ({0}) AS chosen)";

constexpr auto kAny = "CASE WHEN octet_length(e.payload) <= 262144 THEN e.payload END";

constexpr auto kSmall =
    "CASE WHEN octet_length(e.payload) <= $7::bigint THEN e.payload WHEN octet_length(e.payload) <= 262144 THEN '' END";

// The sum is over rows as they come: nothing is sorted or kept for it. OFFSET 0 keeps payloads away from it that are
// too large.
constexpr auto kFitting = R"(
  SELECT place, id, event_type, step_index, "timestamp", agent_id, agent_version,
         CASE WHEN payload IS NULL OR sum(octet_length(payload)) OVER (ROWS UNBOUNDED PRECEDING) <= $7::bigint
              THEN payload ELSE '' END, parent_run_id
  FROM ({0} OFFSET 0) AS runs)";

// The sum over what is stored spares reading and converting payloads that would be left out anyway. The one over texts
// has the same order; that every step says so keeps texts from being sorted.
constexpr auto kSmallest = R"(
    SELECT id, event_type, step_index, "timestamp", agent_id, agent_version, parent_run_id,
           CASE WHEN sum(octet_length(payload)) OVER smallest <= $7::bigint THEN payload END AS payload
    FROM (
      SELECT id, event_type, step_index, "timestamp", agent_id, agent_version, parent_run_id, stored,
             CASE WHEN octet_length(payload) <= 262144 THEN payload END AS payload
      FROM (
        SELECT id, event_type, step_index, "timestamp", agent_id, agent_version, parent_run_id, stored,
               CASE WHEN stored <= 2097152 AND up_to <= $7::bigint THEN payload::text END AS payload
        FROM (
          SELECT *, sum(stored) OVER smallest AS up_to
          FROM (SELECT *, pg_column_size(payload) AS stored FROM ({0}) AS chosen) AS sized
          WINDOW smallest AS (ORDER BY stored, step_index, "timestamp", id ROWS UNBOUNDED PRECEDING)) AS summed
        ORDER BY stored, step_index, "timestamp", id OFFSET 0) AS texts
      ORDER BY stored, step_index, "timestamp", id OFFSET 0) AS fit
    WINDOW smallest AS (ORDER BY stored, step_index, "timestamp", id ROWS UNBOUNDED PRECEDING))";

std::string runs(std::string_view events, std::string_view payload) { return fmt::format(kRuns, events, payload); }

std::string small(std::string_view stored) { return runs(fmt::format(kText, stored), kSmall); }

std::string fitting(std::string_view stored) { return fmt::format(kFitting, runs(fmt::format(kText, stored), kAny)); }

std::string smallest(std::string_view stored) { return runs(fmt::format(kSmallest, stored), "e.payload"); }

std::string any(std::string_view stored) {
  return runs(fmt::format(kText, stored), kAny) + R"( ORDER BY place, step_index, "timestamp", id)";
}

}  // namespace

const std::string& events_sql(Events which) {
  static const auto first = fmt::format(kFirst, kStored);
  static const std::array<std::string, kEvents> statements{small(kStored),
                                                           small(first),
                                                           fitting(kStored),
                                                           fitting(first),
                                                           smallest(kStored),
                                                           smallest(first),
                                                           any(fmt::format(kEnd, kStored))};
  return statements.at(static_cast<std::size_t>(which));
}

}  // namespace dunetrace::store
