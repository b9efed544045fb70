#include "store/run_results.hpp"

#include <fmt/format.h>

#include "store/claim_columns.hpp"

namespace dunetrace::store {
namespace {

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

// Of runs whose events were removed: whatever an earlier look said stays.
constexpr auto kNothingToJudge = R"(
  INSERT INTO processed_runs (customer_id, run_id, agent_id, agent_version, trigger, incomplete)
  SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::jsonb[])
  ON CONFLICT (customer_id, run_id) DO NOTHING)";

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
    Columns<6> left_alone;
    bool any_signal = false, any_judged = false, any_left_alone = false;
    for (const auto place : ours) {
      const auto& result = results[place];
      if (result.nothing_to_judge) {
        left_alone[0].add(result.run.customer_id);
        left_alone[1].add(result.run.run_id);
        left_alone[2].add(result.agent_id);
        left_alone[3].add(result.agent_version);
        left_alone[4].add(result.run.trigger);
        left_alone[5].add(result.incomplete);
        any_left_alone = true;
        continue;
      }
      any_judged = true;
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
    if (any_judged) {
      tx.exec_params(kWithdraw, processed[0].text(), processed[1].text(), standing[0].text(), standing[1].text(),
                     standing[2].text());
    }
    if (any_signal) run(tx, kSignals, signals);
    if (any_judged) run(tx, kProcessed, processed);
    if (any_left_alone) run(tx, kNothingToJudge, left_alone);
    if (any_signal) tx.exec0("NOTIFY dunetrace_signals");
    return ours;
  });
}

}  // namespace dunetrace::store
