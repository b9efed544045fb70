#include "store/work.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <numeric>
#include <tuple>
#include <utility>

#include "core/ids.hpp"
#include "store/session.hpp"
#include "store/sql_array.hpp"

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

// Keeps only runs whose claim is still this worker's, and ends the claim.
constexpr auto kFinish = R"(
  UPDATE runs r SET judged_events = w.seen, claimed_until = NULL, claim = NULL
  FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[]) AS w(customer_id, run_id, claim, seen)
  WHERE r.customer_id = w.customer_id AND r.run_id = w.run_id AND r.claim = w.claim::uuid
  RETURNING r.customer_id, r.run_id)";

// A failure type is stored once per run; judged again, its evidence is brought up to date and it is not alerted again.
constexpr auto kSignals = R"(
  INSERT INTO failure_signals AS s (customer_id, run_id, agent_id, agent_version, failure_type, severity, step_index,
                                    confidence, evidence, shadow, co_signal_count, detector_id, detector_version)
  SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::int[], $8::float8[],
                       $9::jsonb[], $10::bool[], $11::int[], $12::text[], $13::text[])
  ON CONFLICT (customer_id, run_id, failure_type) DO UPDATE SET
    agent_id = excluded.agent_id, agent_version = excluded.agent_version, severity = excluded.severity,
    step_index = excluded.step_index, confidence = excluded.confidence, evidence = excluded.evidence,
    withdrawn_at = NULL, shadow = excluded.shadow, co_signal_count = excluded.co_signal_count, detector_id = excluded.detector_id,
    detector_version = excluded.detector_version)";

// What an earlier look at these runs found and this one does not.
constexpr auto kWithdraw = R"(
  UPDATE failure_signals s SET withdrawn_at = now()
  FROM unnest($1::text[], $2::text[]) AS w(customer_id, run_id)
  WHERE s.customer_id = w.customer_id AND s.run_id = w.run_id AND s.withdrawn_at IS NULL
    AND NOT EXISTS (SELECT 1 FROM unnest($3::text[], $4::text[], $5::text[]) AS f(customer_id, run_id, failure_type)
                    WHERE f.customer_id = s.customer_id AND f.run_id = s.run_id AND f.failure_type = s.failure_type))";

constexpr auto kProcessed = R"(
  INSERT INTO processed_runs (customer_id, run_id, agent_id, agent_version, signal_count, trigger, exit_reason, incomplete)
  SELECT w.customer_id, w.run_id, w.agent_id, w.agent_version,
         (SELECT count(*) FROM failure_signals s WHERE s.customer_id = w.customer_id AND s.run_id = w.run_id
            AND s.withdrawn_at IS NULL),
         w.trigger, nullif(w.exit_reason, ''), w.incomplete
  FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::jsonb[])
    AS w(customer_id, run_id, agent_id, agent_version, trigger, exit_reason, incomplete)
  ON CONFLICT (customer_id, run_id) DO UPDATE SET
    agent_id = excluded.agent_id, agent_version = excluded.agent_version, processed_at = now(),
    signal_count = excluded.signal_count, trigger = excluded.trigger, exit_reason = excluded.exit_reason,
    incomplete = excluded.incomplete)";

std::string_view text(const pqxx::field& field) { return {field.c_str(), field.size()}; }

template <class T>
T number(const pqxx::field& field) {
  T value{};
  std::from_chars(field.c_str(), field.c_str() + field.size(), value);
  return value;
}

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

// Columns of an INSERT … SELECT FROM unnest(…).
template <std::size_t N>
using Columns = std::array<SqlArray, N>;

template <std::size_t N, std::size_t... I>
pqxx::result run(pqxx::work& tx, const char* sql, const Columns<N>& columns, std::index_sequence<I...>) {
  return tx.exec_params(sql, columns[I].text()...);
}

template <std::size_t N>
pqxx::result run(pqxx::work& tx, const char* sql, const Columns<N>& columns) {
  return run(tx, sql, columns, std::make_index_sequence<N>());
}

using Key = std::pair<std::string_view, std::string_view>;  // customer, run

Key key_of(const ClaimedRun& run) { return {run.customer_id, run.run_id}; }

// Where each run stands in a batch, sorted by key as in the ingest writer (ingest_rows.cpp): whoever changes several
// rows of `runs` names them in one order. Where the planner locks them in another, a deadlock is possible, and
// transact() begins the loser's transaction again.
using Places = std::map<Key, std::size_t>;

Places places_of(const std::vector<ClaimedRun>& runs) {
  Places places;
  for (std::size_t i = 0; i < runs.size(); ++i) places.emplace(key_of(runs[i]), i);
  return places;
}

Columns<3> claims_of(const std::vector<ClaimedRun>& runs, const Places& places) {
  Columns<3> claims;
  for (const auto& [key, place] : places) {
    claims[0].add(key.first);
    claims[1].add(key.second);
    claims[2].add(runs[place].claim);
  }
  return claims;
}

// The places of the runs that a statement returned, ascending.
std::vector<std::size_t> found_in(const pqxx::result& rows, const Places& places) {
  std::vector<std::size_t> found;
  for (const auto& row : rows) found.push_back(places.at({text(row[0]), text(row[1])}));
  std::ranges::sort(found);
  return found;
}

// What of the queue one claim may hold: a run is loaded up to max_run_events, whatever its size.
std::int64_t events_of(const std::vector<ClaimedRun>& runs, const ClaimRules& rules) {
  std::int64_t events = 0;
  for (const auto& run : runs) events += std::min(run.event_count, rules.max_run_events);
  return events;
}

void add_signals(Columns<13>& to, const RunResult& result) {
  for (const auto& signal : result.signals) {
    to[0].add(result.run.customer_id);
    to[1].add(result.run.run_id);
    to[2].add(result.agent_id);
    to[3].add(result.agent_version);
    to[4].add(signal.failure_type);
    to[5].add(to_text(signal.severity));
    to[6].add_plain(std::to_string(signal.step_index));
    to[7].add_plain(fmt::format("{}", signal.confidence));
    to[8].add(signal.evidence);
    to[9].add_plain(signal.shadow ? "t" : "f");
    to[10].add_plain(std::to_string(signal.co_signal_count));
    to[11].add(signal.detector_id);
    to[12].add(signal.detector_version);
  }
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

Result<std::vector<RunEvents>> load_events(Database& db, const std::vector<ClaimedRun>& runs, std::size_t max_events) {
  return query(db, "load events", [&](pqxx::work& tx) -> Result<std::vector<RunEvents>> {
    std::vector<RunEvents> out(runs.size());
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

Result<std::vector<std::size_t>> write_results(Database& db, const std::vector<RunResult>& results) {
  return transact(db, "write results", [&](pqxx::work& tx) -> Result<std::vector<std::size_t>> {
    Places places;
    for (std::size_t i = 0; i < results.size(); ++i) places.emplace(key_of(results[i].run), i);
    Columns<4> claims;
    for (const auto& [key, place] : places) {
      claims[0].add(key.first);
      claims[1].add(key.second);
      claims[2].add(results[place].run.claim);
      claims[3].add_plain(std::to_string(results[place].run.event_count));
    }
    auto ours = found_in(run(tx, kFinish, claims), places);
    Columns<13> signals;
    Columns<7> processed;
    Columns<3> standing;  // what a second look confirmed, or could not judge
    bool any_signal = false;
    for (const auto place : ours) {
      const auto& result = results[place];
      add_signals(signals, result);
      const auto stands = [&](const std::string& type) {
        standing[0].add(result.run.customer_id);
        standing[1].add(result.run.run_id);
        standing[2].add(type);
      };
      for (const auto& signal : result.signals) stands(signal.failure_type);
      for (const auto& type : result.unjudged_types) stands(type);
      any_signal = any_signal || !result.signals.empty();
      processed[0].add(result.run.customer_id);
      processed[1].add(result.run.run_id);
      processed[2].add(result.agent_id);
      processed[3].add(result.agent_version);
      processed[4].add(result.run.trigger);
      processed[5].add(result.exit_reason);
      processed[6].add(result.incomplete);
    }
    if (!ours.empty()) {
      tx.exec_params(kWithdraw, processed[0].text(), processed[1].text(), standing[0].text(), standing[1].text(),
                     standing[2].text());
    }
    if (any_signal) run(tx, kSignals, signals);
    if (!ours.empty()) run(tx, kProcessed, processed);
    if (any_signal) tx.exec0("NOTIFY dunetrace_signals");
    return ours;
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
