#include "store/issue_rows.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include "store/claim_columns.hpp"

namespace dunetrace::store {
namespace {

constexpr auto kRead = R"(
  SELECT i.customer_id, i.agent_id, i.failure_type, i.status, i.affected_runs, i.clean_runs_since, i.resolutions,
         (extract(epoch FROM i.first_seen) * 1000000)::bigint, (extract(epoch FROM i.last_seen) * 1000000)::bigint,
         coalesce((extract(epoch FROM i.resolved_at) * 1000000)::bigint, 0)
  FROM unnest($1::text[], $2::text[]) AS w(customer_id, agent_id)
  JOIN issues i ON i.customer_id = w.customer_id AND i.agent_id = w.agent_id)";

constexpr auto kWrite = R"(
  INSERT INTO issues (customer_id, agent_id, failure_type, status, affected_runs, clean_runs_since, resolutions,
                      first_seen, last_seen, resolved_at)
  SELECT customer_id, agent_id, failure_type, status, affected_runs, clean_runs_since, resolutions,
         'epoch'::timestamptz + first_us * interval '1 microsecond',
         'epoch'::timestamptz + last_us * interval '1 microsecond',
         'epoch'::timestamptz + nullif(resolved_us, 0) * interval '1 microsecond'
  FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::int[], $6::int[], $7::int[], $8::bigint[], $9::bigint[],
              $10::bigint[])
    AS w(customer_id, agent_id, failure_type, status, affected_runs, clean_runs_since, resolutions, first_us, last_us,
         resolved_us)
  ON CONFLICT (customer_id, agent_id, failure_type) DO UPDATE SET
    status = excluded.status, affected_runs = excluded.affected_runs, clean_runs_since = excluded.clean_runs_since,
    resolutions = excluded.resolutions, first_seen = excluded.first_seen, last_seen = excluded.last_seen,
    resolved_at = excluded.resolved_at)";

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
    auto& issue = all[{std::string(text(row[0])), std::string(text(row[1]))}][std::string(text(row[2]))];
    issue.status = status_from(text(row[3]));
    issue.affected_runs = number<std::int32_t>(row[4]);
    issue.clean_runs_since = number<std::int32_t>(row[5]);
    issue.resolutions = std::max(number<std::int32_t>(row[6]), issue.status == IssueStatus::open ? 0 : 1);
    issue.first_seen_us = number<std::int64_t>(row[7]);
    issue.last_seen_us = number<std::int64_t>(row[8]);
    issue.resolved_at_us = number<std::int64_t>(row[9]);
  }
  return all;
}

void write_issues(pqxx::work& tx, const IssuesByAgent& before, const IssuesByAgent& after) {
  Columns<10> columns;
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
      columns[6].add_plain(std::to_string(issue.resolutions));
      columns[7].add_plain(std::to_string(issue.first_seen_us));
      columns[8].add_plain(std::to_string(issue.last_seen_us));
      columns[9].add_plain(std::to_string(issue.resolved_at_us));
    }
  }
  if (any_gone) run(tx, kDelete, gone);
  if (any) run(tx, kWrite, columns);
}

}  // namespace dunetrace::store
