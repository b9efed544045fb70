#include "store/work_queue.hpp"

#include <algorithm>

#include "core/ids.hpp"
#include "store/claim_columns.hpp"

namespace dunetrace::store {
namespace {

// Both kinds of due runs; the partial indexes runs_finished_pending and runs_open_pending hold exactly the candidates.
// Taken are as many as have no more than $4 events, a run counting as at most $5; the first one always.
constexpr auto kClaimFinished = R"(
  WITH due AS (
    SELECT customer_id, run_id, last_received_at, event_count FROM runs
    WHERE outcome IS NOT NULL AND judged_events < event_count AND (claimed_until IS NULL OR claimed_until < now())
    ORDER BY last_received_at LIMIT $1 FOR UPDATE SKIP LOCKED),
  sized AS (
    SELECT customer_id, run_id, row_number() OVER queue AS nth, sum(least(event_count, $5)) OVER queue AS events
    FROM due WINDOW queue AS (ORDER BY last_received_at, customer_id, run_id))
  UPDATE runs r SET claimed_until = now() + $2 * interval '1 millisecond', claim = $3::uuid
  FROM sized w WHERE r.customer_id = w.customer_id AND r.run_id = w.run_id AND (w.nth = 1 OR w.events <= $4)
  RETURNING r.customer_id, r.run_id, r.agent_id, r.agent_version, r.outcome, extract(epoch FROM r.first_received_at)::float8, r.event_count)";

constexpr auto kClaimStalled = R"(
  WITH due AS (
    SELECT customer_id, run_id, last_received_at, event_count FROM runs
    WHERE outcome IS NULL AND judged_events < event_count AND (claimed_until IS NULL OR claimed_until < now())
      AND last_received_at < now() - $6 * interval '1 millisecond'
    ORDER BY last_received_at LIMIT $1 FOR UPDATE SKIP LOCKED),
  sized AS (
    SELECT customer_id, run_id, row_number() OVER queue AS nth, sum(least(event_count, $5)) OVER queue AS events
    FROM due WINDOW queue AS (ORDER BY last_received_at, customer_id, run_id))
  UPDATE runs r SET claimed_until = now() + $2 * interval '1 millisecond', claim = $3::uuid
  FROM sized w WHERE r.customer_id = w.customer_id AND r.run_id = w.run_id AND (w.nth = 1 OR w.events <= $4)
  RETURNING r.customer_id, r.run_id, r.agent_id, r.agent_version, 'stalled', extract(epoch FROM r.first_received_at)::float8, r.event_count)";

// Keeps what is still this worker's.
constexpr auto kExtend = R"(
  UPDATE runs r SET claimed_until = now() + $4 * interval '1 millisecond'
  FROM unnest($1::text[], $2::text[], $3::text[]) AS w(customer_id, run_id, claim)
  WHERE r.customer_id = w.customer_id AND r.run_id = w.run_id AND r.claim = w.claim::uuid
  RETURNING r.customer_id, r.run_id)";

constexpr auto kRelease = R"(
  UPDATE runs r SET claimed_until = NULL, claim = NULL
  FROM unnest($1::text[], $2::text[], $3::text[]) AS w(customer_id, run_id, claim)
  WHERE r.customer_id = w.customer_id AND r.run_id = w.run_id AND r.claim = w.claim::uuid)";

void append(std::vector<ClaimedRun>& out, const pqxx::result& rows, const std::string& claim) {
  for (const auto& row : rows) {
    ClaimedRun run;
    run.customer_id = text(row[0]);
    run.run_id = text(row[1]);
    run.claim = claim;
    run.agent_id = text(row[2]);
    run.agent_version = text(row[3]);
    run.trigger = text(row[4]);
    run.first_received_at = number<double>(row[5]);
    run.event_count = number<std::int64_t>(row[6]);
    out.push_back(std::move(run));
  }
}

// What of the queue one claim may hold: a run is loaded up to max_run_events, whatever its size.
std::int64_t events_of(const std::vector<ClaimedRun>& runs, const ClaimRules& rules) {
  std::int64_t events = 0;
  for (const auto& run : runs) events += std::min(run.event_count, rules.max_run_events);
  return events;
}

}  // namespace

Result<std::vector<ClaimedRun>> claim_runs(Database& db, const ClaimRules& rules) {
  return transact(db, "claim runs", [&](pqxx::work& tx) -> Result<std::vector<ClaimedRun>> {
    std::vector<ClaimedRun> claimed;
    const auto claim = new_uuid();
    append(
        claimed,
        tx.exec_params(kClaimFinished, rules.limit, rules.lease.count(), claim, rules.max_events, rules.max_run_events),
        claim);
    if (!is_full(claimed, rules)) {
      append(claimed,
             tx.exec_params(kClaimStalled, rules.limit - static_cast<int>(claimed.size()), rules.lease.count(), claim,
                            rules.max_events - events_of(claimed, rules), rules.max_run_events,
                            rules.stall_timeout.count()),
             claim);
    }
    return claimed;
  });
}

bool is_full(const std::vector<ClaimedRun>& claimed, const ClaimRules& rules) {
  return static_cast<int>(claimed.size()) >= rules.limit ||
         events_of(claimed, rules) > rules.max_events - rules.max_run_events;
}

Result<std::vector<std::size_t>> extend_claim(Database& db, const std::vector<ClaimedRun>& runs,
                                              std::chrono::milliseconds lease) {
  return transact(db, "extend claim", [&](pqxx::work& tx) -> Result<std::vector<std::size_t>> {
    const auto places = places_of(runs);
    const auto claims = claims_of(runs, places);
    return found_in(tx.exec_params(kExtend, claims[0].text(), claims[1].text(), claims[2].text(), lease.count()),
                    places);
  });
}

Result<> release_runs(Database& db, const std::vector<ClaimedRun>& runs) {
  return transact(db, "release runs", [&](pqxx::work& tx) -> Result<> {
    run(tx, kRelease, claims_of(runs, places_of(runs)));
    return {};
  });
}

Result<std::int64_t> pending_runs(Database& db, std::chrono::milliseconds stall_timeout) {
  return query(db, "count pending runs", [&](pqxx::work& tx) -> Result<std::int64_t> {
    const auto row = tx.exec_params1(
        "SELECT (SELECT count(*) FROM runs WHERE outcome IS NOT NULL AND judged_events < event_count) + "
        "(SELECT count(*) FROM runs WHERE outcome IS NULL AND judged_events < event_count "
        " AND last_received_at < now() - $1 * interval '1 millisecond')",
        stall_timeout.count());
    return number<std::int64_t>(row[0]);
  });
}

Result<std::int64_t> unjudged_runs(Database& db) {
  return query(db, "count unjudged runs", [](pqxx::work& tx) -> Result<std::int64_t> {
    return number<std::int64_t>(tx.exec1("SELECT count(*) FROM runs WHERE judged_events < event_count")[0]);
  });
}

Result<bool> no_runs(Database& db) {
  return query(db, "look for runs",
               [](pqxx::work& tx) -> Result<bool> { return tx.exec("SELECT 1 FROM runs LIMIT 1").empty(); });
}

}  // namespace dunetrace::store
