#include "store/issue_rows.hpp"

#include <array>
#include <string_view>

#include "store/claim_columns.hpp"

namespace dunetrace::store {
namespace {

// Times stay text: they come back as they went.
constexpr auto kRead = R"(
  SELECT i.customer_id, i.agent_id, i.failure_type, i.status, i.affected_runs, i.clean_runs_since, i.first_seen::text,
         i.last_seen::text, coalesce(i.resolved_at::text, '')
  FROM unnest($1::text[], $2::text[]) AS w(customer_id, agent_id)
  JOIN issues i ON i.customer_id = w.customer_id AND i.agent_id = w.agent_id)";

constexpr auto kWrite = R"(
  INSERT INTO issues (customer_id, agent_id, failure_type, status, affected_runs, clean_runs_since, first_seen, last_seen,
                      resolved_at)
  SELECT customer_id, agent_id, failure_type, status, affected_runs, clean_runs_since, first_seen::timestamptz,
         last_seen::timestamptz, nullif(resolved_at, '')::timestamptz
  FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::int[], $6::int[], $7::text[], $8::text[], $9::text[])
    AS w(customer_id, agent_id, failure_type, status, affected_runs, clean_runs_since, first_seen, last_seen, resolved_at)
  ON CONFLICT (customer_id, agent_id, failure_type) DO UPDATE SET
    status = excluded.status, affected_runs = excluded.affected_runs, clean_runs_since = excluded.clean_runs_since,
    first_seen = excluded.first_seen, last_seen = excluded.last_seen, resolved_at = excluded.resolved_at)";

constexpr auto kDelete = R"(
  DELETE FROM issues i USING unnest($1::text[], $2::text[], $3::text[]) AS w(customer_id, agent_id, failure_type)
  WHERE i.customer_id = w.customer_id AND i.agent_id = w.agent_id AND i.failure_type = w.failure_type)";

constexpr std::array<std::string_view, 3> kStatus{"open", "resolved", "reopened"};  // order of IssueStatus

IssueStatus status_from(std::string_view text) {
  if (text == "resolved") return IssueStatus::resolved;
  return text == "reopened" ? IssueStatus::reopened : IssueStatus::open;
}

}  // namespace

IssuesByAgent read_issues(pqxx::work& tx, const std::vector<AgentKey>& agents) {
  IssuesByAgent all;
  Columns<2> columns;
  for (const auto& agent : agents) {
    all[agent];
    columns[0].add(agent.first);
    columns[1].add(agent.second);
  }
  for (const auto& row : run(tx, kRead, columns)) {
    const AgentKey agent(text(row[0]), text(row[1]));
    all[agent][std::string(text(row[2]))] = {status_from(text(row[3])),    number<std::int32_t>(row[4]),
                                             number<std::int32_t>(row[5]), std::string(text(row[6])),
                                             std::string(text(row[7])),    std::string(text(row[8]))};
  }
  return all;
}

void write_issues(pqxx::work& tx, const IssuesByAgent& before, const IssuesByAgent& after) {
  Columns<9> columns;
  Columns<3> gone;
  bool any = false, any_gone = false;
  for (const auto& [agent, issues] : after) {
    const auto& known = before.at(agent);
    for (const auto& [type, issue] : known) {
      if (issues.contains(type)) continue;
      any_gone = true;
      gone[0].add(agent.first);
      gone[1].add(agent.second);
      gone[2].add(type);
    }
    for (const auto& [type, issue] : issues) {
      const auto found = known.find(type);
      if (found != known.end() && found->second == issue) continue;
      any = true;
      columns[0].add(agent.first);
      columns[1].add(agent.second);
      columns[2].add(type);
      columns[3].add(kStatus[static_cast<std::size_t>(issue.status)]);
      columns[4].add_plain(std::to_string(issue.affected_runs));
      columns[5].add_plain(std::to_string(issue.clean_runs_since));
      columns[6].add(issue.first_seen);
      columns[7].add(issue.last_seen);
      columns[8].add(issue.resolved_at);
    }
  }
  if (any_gone) run(tx, kDelete, gone);
  if (any) run(tx, kWrite, columns);
}

}  // namespace dunetrace::store
