#include "store/read_runs.hpp"

#include "store/read_sql.hpp"

namespace dunetrace::store {

namespace {

// $1 customers, $2 agent.
constexpr std::string_view kJudged = R"(
  FROM processed_runs p WHERE p.customer_id = c.customer_id AND p.agent_id = $2)";

// A run's signals are written with its judgement and name the same agent: saying so keeps the search inside of it.
constexpr std::string_view kLiveSignals = R"(
  FROM failure_signals s
  WHERE s.customer_id = p.customer_id AND s.agent_id = p.agent_id AND s.run_id = p.run_id AND NOT s.shadow
    AND s.withdrawn_at IS NULL)";

constexpr std::string_view kCustomers = R"(
  FROM unnest($1::text[]) AS c(customer_id) CROSS JOIN LATERAL)";

constexpr std::string_view kPageOrder = R"(
      ORDER BY p.processed_at DESC, p.run_id LIMIT $3::bigint + $4::bigint) p
    ORDER BY p.processed_at DESC, p.run_id OFFSET $3::bigint LIMIT $4::bigint)
  SELECT p.run_id, p.agent_id, p.agent_version, p.trigger, p.incomplete::text AS incomplete, r.started_at, r.completed_at,
         coalesce(r.max_step, 0) AS max_step, r.parent_run_id, r.model, (SELECT count(*))";

constexpr std::string_view kPageRuns = R"() AS signal_count
  FROM page p LEFT JOIN runs r ON r.customer_id = p.customer_id AND r.run_id = p.run_id
  ORDER BY p.processed_at DESC, p.run_id)";

struct Sql {
  std::string count;
  std::string page;
};

Sql sql_for(std::optional<bool> has_signals) {
  std::string judged(kJudged);
  if (has_signals) {
    judged.append(*has_signals ? " AND EXISTS (SELECT 1" : " AND NOT EXISTS (SELECT 1")
        .append(kLiveSignals)
        .append(")");
  }
  Sql sql;
  sql.count.append("SELECT count(*)").append(kCustomers).append(" (SELECT 1").append(judged).append(") n");
  sql.page.append("WITH page AS (SELECT p.*").append(kCustomers).append(" (SELECT p.*").append(judged);
  sql.page.append(kPageOrder).append(kLiveSignals).append(kPageRuns);
  return sql;
}

RunRow run_row(const pqxx::row& row) {
  RunRow run;
  run.run_id = row["run_id"].as<std::string>();
  run.agent_id = row["agent_id"].as<std::string>();
  run.agent_version = row["agent_version"].as<std::string>();
  run.started_at = optional_real(row["started_at"]);
  run.completed_at = optional_real(row["completed_at"]);
  run.trigger = optional_text(row["trigger"]);
  run.step_count = row["max_step"].as<std::int32_t>();
  run.signal_count = row["signal_count"].as<std::int64_t>();
  run.parent_run_id = optional_text(row["parent_run_id"]);
  run.model = optional_text(row["model"]);
  run.incomplete = row["incomplete"].as<std::string>();
  return run;
}

}  // namespace

Result<Listing<RunRow>> list_runs(Database& db, const Scope& scope, const std::string& agent_id,
                                  std::optional<bool> has_signals, PageRequest page) {
  if (!storable_text(agent_id)) {
    if (scope.customer_id) return tl::unexpected<Error>(unknown_agent(agent_id));
    return Listing<RunRow>{};
  }
  const Sql sql = sql_for(has_signals);
  return query(db, "list runs", [&](pqxx::work& tx) -> Result<Listing<RunRow>> {
    const std::string customers = customers_of(tx, scope);
    Listing<RunRow> list;
    list.total = tx.exec_params(sql.count, customers, agent_id).at(0).at(0).as<std::int64_t>();
    if (list.total == 0) DUNE_TRY_VOID(check_unseen_agent(tx, scope, agent_id));
    if (page.offset >= list.total) return list;
    for (const auto& row : tx.exec_params(sql.page, customers, agent_id, page.offset, page.limit)) {
      list.rows.push_back(run_row(row));
    }
    return list;
  });
}

}  // namespace dunetrace::store
