#include "store/read_agents.hpp"

#include <algorithm>
#include <unordered_map>

#include "store/read_sql.hpp"
#include "store/sql_array.hpp"

namespace dunetrace::store {

namespace {

// Walks runs_agent from agent to agent instead of reading every run: one probe each, and its first row is the latest.
constexpr const char* kAgentsPage = R"(
  WITH RECURSIVE agents(customer_id, agent_id, last_seen) AS (
    SELECT c.customer_id, first.agent_id, first.last_received_at
    FROM unnest($1::text[]) AS c(customer_id) CROSS JOIN LATERAL (
      SELECT r.agent_id, r.last_received_at FROM runs r WHERE r.customer_id = c.customer_id
      ORDER BY r.agent_id, r.last_received_at DESC LIMIT 1) first
    UNION ALL
    SELECT a.customer_id, next.agent_id, next.last_received_at
    FROM agents a CROSS JOIN LATERAL (
      SELECT r.agent_id, r.last_received_at FROM runs r WHERE r.customer_id = a.customer_id AND r.agent_id > a.agent_id
      ORDER BY r.agent_id, r.last_received_at DESC LIMIT 1) next
  ),
  named AS MATERIALIZED (
    SELECT agent_id, max(last_seen) AS last_seen, array_agg(customer_id) AS owners FROM agents GROUP BY agent_id
  )
  SELECT t.total, p.agent_id, extract(epoch FROM p.last_seen)::float8 AS last_seen,
         (SELECT count(*) FROM runs r WHERE r.customer_id = ANY (p.owners) AND r.agent_id = p.agent_id) AS run_count
  FROM (SELECT count(*) AS total FROM named) t
  LEFT JOIN LATERAL (SELECT * FROM named n ORDER BY n.last_seen DESC, n.agent_id
                     OFFSET $2::bigint LIMIT $3::bigint) p ON true
  ORDER BY p.last_seen DESC, p.agent_id)";

// Live signals of the agents $2; `day` is 0 for the UTC day of $3, -1 for the day before, and -7 for all earlier ones.
constexpr const char* kSignalCounts = R"(
  SELECT s.agent_id, s.failure_type, s.severity,
         greatest((s.detected_at AT TIME ZONE 'UTC')::date - (to_timestamp($3::float8) AT TIME ZONE 'UTC')::date, -7) AS day,
         count(*) AS count
  FROM failure_signals s
  WHERE s.customer_id = ANY ($1::text[]) AND s.agent_id = ANY ($2::text[]) AND NOT s.shadow AND s.withdrawn_at IS NULL
  GROUP BY 1, 2, 3, 4)";

void add_signals(AgentRow& agent, const pqxx::row& row) {
  const auto count = row["count"].as<std::int64_t>();
  const auto severity = row["severity"].as<std::string>();
  agent.signal_count += count;
  if (severity == "CRITICAL") agent.critical_count += count;
  if (severity == "HIGH") agent.high_count += count;
  agent.failure_types[row["failure_type"].as<std::string>()] += count;
  const auto last = static_cast<std::int64_t>(agent.sparkline.size()) - 1;
  const auto day = row["day"].as<std::int64_t>() + last;
  // The database's clock may be ahead of ours over midnight: that signal is today's.
  if (day >= 0) agent.sparkline[static_cast<std::size_t>(std::min(day, last))] += count;
}

}  // namespace

Result<Listing<AgentRow>> list_agents(Database& db, const Scope& scope, PageRequest page, double now) {
  return query(db, "list agents", [&](pqxx::work& tx) -> Result<Listing<AgentRow>> {
    const std::string customers = customers_of(tx, scope);
    Listing<AgentRow> list;
    SqlArray names;
    std::unordered_map<std::string, std::size_t> place;
    for (const auto& row : tx.exec_params(kAgentsPage, customers, page.offset, page.limit)) {
      list.total = row["total"].as<std::int64_t>();
      if (row["agent_id"].is_null()) break;  // a page behind the last agent still carries the total
      AgentRow agent;
      agent.agent_id = row["agent_id"].as<std::string>();
      agent.last_seen = row["last_seen"].as<double>();
      agent.run_count = row["run_count"].as<std::int64_t>();
      place.emplace(agent.agent_id, list.rows.size());
      names.add(agent.agent_id);
      list.rows.push_back(std::move(agent));
    }
    if (list.rows.empty()) return list;
    for (const auto& row : tx.exec_params(kSignalCounts, customers, names.text(), now)) {
      add_signals(list.rows.at(place.at(row["agent_id"].as<std::string>())), row);
    }
    return list;
  });
}

}  // namespace dunetrace::store
