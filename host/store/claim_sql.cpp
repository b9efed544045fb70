#include "store/claim_sql.hpp"

#include <fmt/format.h>

namespace dunetrace::store {
namespace {

// {0}: what is in the queue, word for word the index's condition; {1}: which of it is due; {2}: the trigger.
// A customer's share is twice its part of the claim, because others may have less than theirs. The rows to change are
// found by their place, which is certain as long as they are locked: by their key the planner might read all of `runs`,
// as it cannot know how few they are.
constexpr auto kClaim = R"(
  WITH RECURSIVE
  ahead AS (
    (SELECT customer_id, last_received_at, 1 AS turn FROM runs WHERE {0} AND customer_id > $5::text
     ORDER BY customer_id, last_received_at LIMIT 1)
    UNION ALL
    SELECT next.customer_id, next.last_received_at, w.turn + 1 FROM ahead w CROSS JOIN LATERAL (
      SELECT customer_id, last_received_at FROM runs WHERE {0} AND customer_id > w.customer_id
      ORDER BY customer_id, last_received_at LIMIT 1) AS next
    WHERE w.turn < $6::int),
  behind AS (
    (SELECT customer_id, last_received_at, $6::int + 1 AS turn FROM runs WHERE {0} AND customer_id <= $5::text
     ORDER BY customer_id, last_received_at LIMIT 1)
    UNION ALL
    SELECT next.customer_id, next.last_received_at, w.turn + 1 FROM behind w CROSS JOIN LATERAL (
      SELECT customer_id, last_received_at FROM runs WHERE {0} AND customer_id > w.customer_id AND customer_id <= $5::text
      ORDER BY customer_id, last_received_at LIMIT 1) AS next
    WHERE w.turn < 2 * $6::int),
  walked AS (SELECT * FROM ahead UNION ALL SELECT * FROM behind),
  customers AS (SELECT customer_id, turn FROM walked WHERE {1} ORDER BY turn LIMIT greatest($1::int, 16)),
  share AS (SELECT least($1::int, greatest(1, 2 * $1::int / greatest(count(*), 1))) AS runs FROM customers),
  due AS (
    SELECT c.turn, r.* FROM customers c CROSS JOIN LATERAL (
      SELECT ctid AS place, customer_id, run_id, last_received_at, event_count FROM runs
      WHERE {0} AND {1} AND customer_id = c.customer_id AND (claimed_until IS NULL OR claimed_until < now())
      ORDER BY last_received_at LIMIT (SELECT runs FROM share) FOR UPDATE SKIP LOCKED) AS r),
  rounds AS (
    SELECT *, row_number() OVER (PARTITION BY customer_id ORDER BY last_received_at, run_id) AS round FROM due),
  queue AS (
    SELECT *, row_number() OVER fair AS nth, sum(event_count) OVER fair AS events
    FROM rounds WINDOW fair AS (ORDER BY round, turn)),
  taken AS (
    UPDATE runs r SET claimed_until = now() + $2::bigint * interval '1 millisecond', claim = $3::uuid
    WHERE r.ctid = ANY(ARRAY(
      SELECT place FROM queue WHERE nth <= $1::int AND (nth = 1 OR events <= $4::bigint)))
    RETURNING r.customer_id, r.run_id, r.agent_id, r.agent_version, {2} AS trigger,
              extract(epoch FROM r.first_received_at)::float8 AS since,
              extract(epoch FROM r.last_received_at)::float8 AS until, r.event_count)
  SELECT t.*, q.turn, q.nth,
         coalesce((SELECT customer_id FROM ahead WHERE turn = $6::int),
                  (SELECT customer_id FROM behind ORDER BY turn DESC LIMIT 1)),
         (SELECT count(*) FROM queue) > (SELECT count(*) FROM taken)
           OR EXISTS (SELECT 1 FROM rounds, share WHERE round = share.runs)
  FROM (VALUES (1)) AS one
  LEFT JOIN (taken t JOIN queue q ON q.customer_id = t.customer_id AND q.run_id = t.run_id) ON true
  ORDER BY q.nth)";

std::string made(Queue queue) {
  const bool finished = queue == Queue::finished_short || queue == Queue::finished_long;
  const bool is_long = queue == Queue::finished_long || queue == Queue::stalled_long;
  const auto in_queue = fmt::format("outcome IS {} AND judged_events < event_count AND event_count {} {}",
                                    finished ? "NOT NULL" : "NULL", is_long ? ">" : "<=", kLongRun);
  return fmt::format(kClaim, in_queue,
                     finished ? "true" : "last_received_at < now() - $7::bigint * interval '1 millisecond'",
                     finished ? "r.outcome" : "'stalled'");
}

}  // namespace

const std::string& claim_sql(Queue queue) {
  static const std::array<std::string, kQueues> statements{made(Queue::finished_short), made(Queue::finished_long),
                                                           made(Queue::stalled_short), made(Queue::stalled_long)};
  return statements.at(static_cast<std::size_t>(queue));
}

}  // namespace dunetrace::store
