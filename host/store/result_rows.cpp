#include "store/result_rows.hpp"

#include <fmt/format.h>

#include "store/claim_columns.hpp"

namespace dunetrace::store {
namespace {

constexpr int kKeptSamples = 200;  // 50 are looked at; the rest replaces those that are taken back

// A failure type is stored once per run; judged again, its evidence is brought up to date and it is not alerted again.
constexpr auto kSignals = R"(
  INSERT INTO failure_signals AS s (customer_id, run_id, agent_id, agent_version, failure_type, severity, step_index,
                                    confidence, evidence, shadow, co_signal_count, detector_id, detector_version,
                                    config_hash, detected_at, processed_at)
  SELECT customer_id, run_id, agent_id, agent_version, failure_type, severity, step_index, confidence, evidence, shadow,
         co_signal_count, detector_id, detector_version, config_hash,
         'epoch'::timestamptz + at_us * interval '1 microsecond',
         'epoch'::timestamptz + place_us * interval '1 microsecond'
  FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::int[], $8::float8[],
              $9::jsonb[], $10::bool[], $11::int[], $12::text[], $13::text[], $14::text[], $15::bigint[], $16::bigint[])
    AS w(customer_id, run_id, agent_id, agent_version, failure_type, severity, step_index, confidence, evidence, shadow,
         co_signal_count, detector_id, detector_version, config_hash, at_us, place_us)
  ON CONFLICT (customer_id, run_id, failure_type) DO UPDATE SET
    agent_id = excluded.agent_id, agent_version = excluded.agent_version, severity = excluded.severity,
    step_index = excluded.step_index, confidence = excluded.confidence, evidence = excluded.evidence,
    withdrawn_at = NULL, shadow = excluded.shadow, co_signal_count = excluded.co_signal_count,
    detector_id = excluded.detector_id, detector_version = excluded.detector_version,
    config_hash = excluded.config_hash, processed_at = excluded.processed_at)";

// What an earlier look at these runs found and this one does not.
constexpr auto kWithdraw = R"(
  UPDATE failure_signals s SET withdrawn_at = 'epoch'::timestamptz + w.at_us * interval '1 microsecond'
  FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[]) AS w(customer_id, run_id, failure_type, at_us)
  WHERE s.customer_id = w.customer_id AND s.run_id = w.run_id AND s.failure_type = w.failure_type
    AND s.withdrawn_at IS NULL)";

// What still stands goes with its run: to another place, or, if a late event shows that it is another agent's, there.
constexpr auto kStanding = R"(
  UPDATE failure_signals s SET agent_id = w.agent_id, agent_version = w.agent_version,
    processed_at = 'epoch'::timestamptz + w.place_us * interval '1 microsecond'
  FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[])
    AS w(customer_id, run_id, failure_type, agent_id, agent_version, place_us)
  WHERE s.customer_id = w.customer_id AND s.run_id = w.run_id AND s.failure_type = w.failure_type)";

constexpr auto kProcessed = R"(
  INSERT INTO processed_runs (customer_id, run_id, agent_id, agent_version, signal_count, trigger, exit_reason,
                              incomplete, processed_at, seq, config_hash, truncated, unjudged)
  SELECT customer_id, run_id, agent_id, agent_version, signal_count, trigger, nullif(exit_reason, ''), incomplete,
         'epoch'::timestamptz + place_us * interval '1 microsecond', seq, config_hash, truncated, unjudged::text[]
  FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::int[], $6::text[], $7::text[], $8::jsonb[],
              $9::bigint[], $10::bigint[], $11::text[], $12::bool[], $13::text[])
    AS w(customer_id, run_id, agent_id, agent_version, signal_count, trigger, exit_reason, incomplete, place_us, seq,
         config_hash, truncated, unjudged)
  ON CONFLICT (customer_id, run_id) DO UPDATE SET
    agent_id = excluded.agent_id, agent_version = excluded.agent_version, processed_at = excluded.processed_at,
    seq = excluded.seq, signal_count = excluded.signal_count, trigger = excluded.trigger,
    exit_reason = excluded.exit_reason, incomplete = excluded.incomplete, config_hash = excluded.config_hash,
    truncated = excluded.truncated, unjudged = excluded.unjudged)";

constexpr auto kLeftAlone = R"(
  INSERT INTO processed_runs (customer_id, run_id, agent_id, agent_version, trigger, incomplete, processed_at, seq)
  SELECT customer_id, run_id, agent_id, agent_version, trigger, incomplete,
         'epoch'::timestamptz + at_us * interval '1 microsecond', seq
  FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::jsonb[], $7::bigint[], $8::bigint[])
    AS w(customer_id, run_id, agent_id, agent_version, trigger, incomplete, at_us, seq)
  ON CONFLICT (customer_id, run_id) DO NOTHING)";

constexpr auto kSamples = R"(
  INSERT INTO run_samples (customer_id, run_id, agent_id, agent_version, seq, steps, tool_ms, llm_ms, token_growth,
                           llm_tool_ratio)
  SELECT customer_id, run_id, agent_id, agent_version, seq, steps, tool_ms::bigint[], llm_ms::bigint[], token_growth,
         llm_tool_ratio
  FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::int[], $7::text[], $8::text[],
              $9::float8[], $10::float8[])
    AS w(customer_id, run_id, agent_id, agent_version, seq, steps, tool_ms, llm_ms, token_growth, llm_tool_ratio)
  ON CONFLICT (customer_id, run_id) DO UPDATE SET
    agent_id = excluded.agent_id, agent_version = excluded.agent_version, seq = excluded.seq, steps = excluded.steps,
    tool_ms = excluded.tool_ms, llm_ms = excluded.llm_ms, token_growth = excluded.token_growth,
    llm_tool_ratio = excluded.llm_tool_ratio)";

constexpr auto kForget = R"(
  DELETE FROM run_samples s USING unnest($1::text[], $2::text[]) AS w(customer_id, run_id)
  WHERE s.customer_id = w.customer_id AND s.run_id = w.run_id)";

constexpr auto kPrune = R"(
  DELETE FROM run_samples s USING unnest($1::text[], $2::text[], $3::text[]) AS w(customer_id, agent_id, agent_version)
  WHERE s.customer_id = w.customer_id AND s.agent_id = w.agent_id AND s.agent_version = w.agent_version
    AND s.seq < (SELECT k.seq FROM run_samples k
                 WHERE k.customer_id = w.customer_id AND k.agent_id = w.agent_id AND k.agent_version = w.agent_version
                 ORDER BY k.seq DESC OFFSET $4 - 1 LIMIT 1))";

void add_key(SqlArray& customer, SqlArray& id, const ResultRow& row) {
  customer.add(row.result->run.customer_id);
  id.add(row.result->run.run_id);
}

void add(SqlArray& to, const std::optional<double>& value) {
  if (value)
    to.add_plain(fmt::format("{}", *value));
  else
    to.add_null();
}

void add(SqlArray& to, const std::vector<std::int64_t>& values) {
  to.add(fmt::format("{{{}}}", fmt::join(values, ",")));
}

void add(SqlArray& to, const std::vector<std::string>& texts) {
  SqlArray array;
  for (const auto& text : texts) array.add(text);
  to.add(array.text());
}

}  // namespace

void write_signals(pqxx::work& tx, const std::vector<ResultRow>& rows) {
  Columns<16> found;
  Columns<4> withdrawn;
  Columns<6> standing;
  bool any_found = false, any_withdrawn = false, any_standing = false;
  for (const auto& row : rows) {
    for (const auto& signal : row.result->signals) {
      any_found = true;
      add_key(found[0], found[1], row);
      found[2].add(row.result->agent_id);
      found[3].add(row.result->agent_version);
      found[4].add(signal.failure_type);
      found[5].add(to_text(signal.severity));
      found[6].add_plain(std::to_string(signal.step_index));
      found[7].add_plain(fmt::format("{}", signal.confidence));
      found[8].add(signal.evidence);
      found[9].add_plain(signal.shadow ? "t" : "f");
      found[10].add_plain(std::to_string(signal.co_signal_count));
      found[11].add(signal.detector_id);
      found[12].add(signal.detector_version);
      found[13].add(signal.config_hash);
      found[14].add_plain(std::to_string(row.at_us));
      found[15].add_plain(std::to_string(row.place_us));
    }
    for (const auto& type : row.withdrawn) {
      any_withdrawn = true;
      add_key(withdrawn[0], withdrawn[1], row);
      withdrawn[2].add(type);
      withdrawn[3].add_plain(std::to_string(row.at_us));
    }
    for (const auto& type : row.standing) {
      any_standing = true;
      add_key(standing[0], standing[1], row);
      standing[2].add(type);
      standing[3].add(row.result->agent_id);
      standing[4].add(row.result->agent_version);
      standing[5].add_plain(std::to_string(row.place_us));
    }
  }
  if (any_withdrawn) run(tx, kWithdraw, withdrawn);
  if (any_standing) run(tx, kStanding, standing);
  if (!any_found) return;
  run(tx, kSignals, found);
  tx.exec0("NOTIFY dunetrace_signals");
}

void write_samples(pqxx::work& tx, const std::vector<ResultRow>& rows) {
  Columns<10> samples;
  Columns<2> forgotten;
  bool any_sample = false, any_forgotten = false;
  for (const auto& row : rows) {
    const auto& sample = row.result->sample;
    if (!sample) {
      if (row.earlier == nullptr) continue;
      any_forgotten = true;
      add_key(forgotten[0], forgotten[1], row);
      continue;
    }
    any_sample = true;
    add_key(samples[0], samples[1], row);
    samples[2].add(row.result->agent_id);
    samples[3].add(row.result->agent_version);
    samples[4].add_plain(std::to_string(row.seq));
    samples[5].add_plain(std::to_string(sample->steps));
    add(samples[6], sample->tool_ms);
    add(samples[7], sample->llm_ms);
    add(samples[8], sample->token_growth);
    add(samples[9], sample->llm_tool_ratio);
  }
  if (any_forgotten) run(tx, kForget, forgotten);
  if (any_sample) run(tx, kSamples, samples);
}

void write_processed(pqxx::work& tx, const std::vector<ResultRow>& rows) {
  if (rows.empty()) return;
  Columns<13> processed;
  for (const auto& row : rows) {
    add_key(processed[0], processed[1], row);
    processed[2].add(row.result->agent_id);
    processed[3].add(row.result->agent_version);
    processed[4].add_plain(std::to_string(row.result->signals.size() + row.standing.size()));
    processed[5].add(row.result->run.trigger);
    processed[6].add(row.result->exit_reason);
    processed[7].add(row.result->incomplete);
    processed[8].add_plain(std::to_string(row.place_us));
    processed[9].add_plain(std::to_string(row.seq));
    processed[10].add(row.result->config_hash);
    processed[11].add_plain(row.result->truncated ? "t" : "f");
    if (row.result->incomplete == "[]" && row.result->unjudged_types.empty())
      processed[12].add_null();
    else
      add(processed[12], row.result->unjudged_types);
  }
  run(tx, kProcessed, processed);
}

void write_left_alone(pqxx::work& tx, const std::vector<ResultRow>& rows) {
  if (rows.empty()) return;
  Columns<8> columns;
  for (const auto& row : rows) {
    add_key(columns[0], columns[1], row);
    columns[2].add(row.result->agent_id);
    columns[3].add(row.result->agent_version);
    columns[4].add(row.result->run.trigger);
    columns[5].add(row.result->incomplete);
    columns[6].add_plain(std::to_string(row.at_us));
    columns[7].add_plain(std::to_string(row.seq));
  }
  run(tx, kLeftAlone, columns);
}

void prune_samples(pqxx::work& tx, const std::set<VersionKey>& versions) {
  if (versions.empty()) return;
  Columns<3> columns;
  for (const auto& version : versions) {
    columns[0].add(version.customer_id);
    columns[1].add(version.agent_id);
    columns[2].add(version.agent_version);
  }
  tx.exec_params(kPrune, columns[0].text(), columns[1].text(), columns[2].text(), kKeptSamples);
}

}  // namespace dunetrace::store
