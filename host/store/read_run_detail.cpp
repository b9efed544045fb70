// One run with everything stored about it (the second half of read_runs.hpp).
#include <unordered_set>

#include "store/read_runs.hpp"
#include "store/read_sql.hpp"

namespace dunetrace::store {

namespace {

// In dev mode a run id may belong to several customers: the one that sent last is meant.
constexpr const char* kRun = R"(
  SELECT r.customer_id, r.run_id, r.agent_id, r.agent_version, r.started_at, r.completed_at, r.max_step,
         r.parent_run_id, r.model, r.event_count, p.trigger, p.exit_reason, p.incomplete::text AS incomplete, p.truncated,
         (r.first_received_at - interval '1 second')::text AS not_before,
         (r.last_received_at + interval '1 second')::text AS not_after
  FROM runs r LEFT JOIN processed_runs p ON p.customer_id = r.customer_id AND p.run_id = r.run_id
  WHERE r.run_id = $2 AND ($1::text IS NULL OR r.customer_id = $1)
  ORDER BY r.last_received_at DESC, r.customer_id LIMIT 1)";

// The bounds keep the planner out of the partitions of other days; it needs them as plain values, so the second of
// leeway
// (`runs` may have been filled with rounded times) is taken in kRun.
constexpr std::string_view kOfRun = R"(
  FROM events e WHERE e.customer_id = $1 AND e.run_id = $2
    AND e.received_at >= $3::timestamptz
    AND e.received_at <= $4::timestamptz)";

// $6 bounds the bytes of all payloads together: one answer must not cost the host what a hostile run can hold. The
// first event beyond it comes without its payload and says so.
constexpr std::string_view kEventColumns = R"(
  SELECT event_type, step_index, "timestamp", CASE WHEN so_far <= $6 THEN payload END AS payload, parent_run_id
  FROM (SELECT e.id, e.event_type, e.step_index, e."timestamp", e.payload::text AS payload, e.parent_run_id,
               sum(octet_length(e.payload::text)) OVER (ORDER BY e.step_index, e."timestamp", e.id) AS so_far)";
constexpr std::string_view kReplayOrder = R"() AS e
  WHERE so_far - octet_length(payload) <= $6
  ORDER BY step_index, "timestamp", id LIMIT $5::bigint)";
constexpr std::int64_t kMaxPayloadBytes = 16 * 1024 * 1024;  // several times what 20,000 usual events hold

// spec/detectors.md 1.6 for a run that nobody replayed yet: the last terminal event decides.
constexpr std::string_view kExitReason = R"(
  SELECT CASE WHEN e.event_type = 'run.errored' THEN 'error'
              WHEN jsonb_typeof(e.payload->'exit_reason') = 'string' THEN nullif(e.payload->>'exit_reason', '')
              ELSE 'completed' END)";
constexpr std::string_view kLastTerminal = R"(
    AND e.event_type IN ('run.completed', 'run.errored')
  ORDER BY e.step_index DESC, e."timestamp" DESC, e.id DESC LIMIT 1)";

std::string joined(std::string_view a, std::string_view b, std::string_view c) {
  return std::string(a).append(b).append(c);
}

// What finds the events of a run.
struct EventRange {
  std::string customer_id;
  std::string run_id;
  std::string not_before;
  std::string not_after;
};

std::optional<std::string> last_exit_reason(pqxx::work& tx, const EventRange& range) {
  static const std::string sql = joined(kExitReason, kOfRun, kLastTerminal);
  const auto rows = tx.exec_params(sql, range.customer_id, range.run_id, range.not_before, range.not_after);
  if (rows.empty()) return std::nullopt;
  return rows.at(0).at(0).as<std::string>();
}

void read_events(pqxx::work& tx, const EventRange& range, std::int64_t max_events, RunDetail& detail) {
  static const std::string sql = joined(kEventColumns, kOfRun, kReplayOrder);
  const auto rows = tx.exec_params(sql, range.customer_id, range.run_id, range.not_before, range.not_after,
                                   max_events + 1, kMaxPayloadBytes);
  std::unordered_set<std::string> same_place;  // type and payload of the events at one step and time
  for (const auto& row : rows) {
    if (static_cast<std::int64_t>(row.num()) == max_events || row["payload"].is_null()) {
      detail.events_truncated = true;
      break;
    }
    EventRow event;
    event.event_type = row["event_type"].as<std::string>();
    event.step_index = row["step_index"].as<std::int32_t>();
    event.timestamp = row["timestamp"].as<double>();
    event.payload = row["payload"].as<std::string>();
    event.parent_run_id = optional_text(row["parent_run_id"]);
    const bool moved = detail.events.empty() || detail.events.back().step_index != event.step_index ||
                       detail.events.back().timestamp != event.timestamp;
    if (moved) same_place.clear();
    if (!same_place.insert(event.event_type + '\n' + event.payload).second) continue;
    detail.events.push_back(std::move(event));
  }
  // The bounds hold as many events as the run's row counts; what is missing was removed.
  detail.events_removed = !detail.events_truncated && static_cast<std::int64_t>(rows.size()) < detail.event_count;
}

// What the hosts that remove events go by.
std::optional<int> retention_days(pqxx::work& tx) {
  const auto rows = tx.exec("SELECT days FROM event_retention WHERE days > 0");
  return rows.empty() ? std::nullopt : std::optional(rows.at(0).at(0).as<int>());
}

void read_signals(pqxx::work& tx, const EventRange& range, bool include_shadow, RunDetail& detail) {
  static const std::string sql =
      std::string("SELECT ")
          .append(kSignalColumns)
          .append(
              " FROM failure_signals s WHERE s.customer_id = $1 AND s.run_id = $2"
              " AND s.withdrawn_at IS NULL AND (NOT s.shadow OR $3::boolean) ORDER BY s.step_index, s.id");
  for (const auto& row : tx.exec_params(sql, range.customer_id, range.run_id, include_shadow)) {
    detail.signals.push_back(signal_row(row));
    if (!detail.signals.back().shadow) ++detail.run.signal_count;
  }
}

RunDetail head(const pqxx::row& row) {
  RunDetail detail;
  detail.run.run_id = row["run_id"].as<std::string>();
  detail.run.agent_id = row["agent_id"].as<std::string>();
  detail.run.agent_version = row["agent_version"].as<std::string>();
  detail.run.started_at = optional_real(row["started_at"]);
  detail.run.completed_at = optional_real(row["completed_at"]);
  detail.run.trigger = optional_text(row["trigger"]);
  detail.run.step_count = row["max_step"].as<std::int32_t>();
  detail.run.parent_run_id = optional_text(row["parent_run_id"]);
  detail.run.model = optional_text(row["model"]);
  detail.exit_reason = optional_text(row["exit_reason"]);
  detail.event_count = row["event_count"].as<std::int64_t>();
  if (!row["incomplete"].is_null()) detail.run.incomplete = row["incomplete"].as<std::string>();
  if (!row["truncated"].is_null()) detail.truncated = row["truncated"].as<bool>();
  return detail;
}

}  // namespace

Result<RunDetail> load_run(Database& db, const Scope& scope, const std::string& run_id, bool include_shadow,
                           std::int64_t max_events) {
  const auto unknown = [&] { return fail(Code::not_found, "run " + run_id + " does not exist"); };
  if (!storable_text(run_id)) return unknown();
  return query(db, "load run", [&](pqxx::work& tx) -> Result<RunDetail> {
    const auto found = tx.exec_params(kRun, scope.customer_id, run_id);
    if (found.empty()) return unknown();
    const auto& row = found.at(0);
    const EventRange range{row["customer_id"].as<std::string>(), run_id, row["not_before"].as<std::string>(),
                           row["not_after"].as<std::string>()};
    RunDetail detail = head(row);
    if (!detail.run.trigger) detail.exit_reason = last_exit_reason(tx, range);
    read_events(tx, range, max_events, detail);
    if (detail.events_removed) detail.retention_days = retention_days(tx);
    read_signals(tx, range, include_shadow, detail);
    return detail;
  });
}

}  // namespace dunetrace::store
