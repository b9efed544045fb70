#include "store/issue_fold.hpp"

#include <algorithm>

namespace dunetrace::store {
namespace {

void seen(Issue& issue, const std::string& at) {
  if (issue.affected_runs == 0) {
    issue.first_seen = at;
  } else if (issue.status == IssueStatus::resolved) {
    issue.status = IssueStatus::reopened;
  }
  issue.resolved_at.clear();
  issue.last_seen = at;
  issue.clean_runs_since = 0;
  ++issue.affected_runs;
}

void resolve(Issue& issue, const std::string& at) {
  issue.status = IssueStatus::resolved;
  issue.resolved_at = at;
}

}  // namespace

void judge_run(Issues& issues, const JudgedRun& run) {
  for (const auto& type : run.after) {
    if (!run.before.contains(type)) seen(issues[type], run.at);
  }
  for (const auto& type : run.before) {
    const auto found = issues.find(type);
    if (run.after.contains(type) || found == issues.end()) continue;
    if (--found->second.affected_runs <= 0) issues.erase(found);
  }
  if (!run.first) return;
  for (auto& [type, issue] : issues) {
    if (issue.status == IssueStatus::resolved || run.after.contains(type) || std::ranges::count(run.unknown, type) > 0)
      continue;
    if (++issue.clean_runs_since == kCleanRunsToResolve) resolve(issue, run.at);
  }
}

}  // namespace dunetrace::store
