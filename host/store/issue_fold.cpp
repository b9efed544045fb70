#include "store/issue_fold.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

namespace dunetrace::store {
namespace {

enum class Says : std::uint8_t { affected, clean, nothing };

bool names(const std::vector<std::string>& types, std::string_view type) {
  return std::ranges::find(types, type) != types.end();
}

Says says(const Look& run, std::string_view type) {
  if (names(run.found, type)) return Says::affected;
  return run.nothing_judged || names(run.unjudged, type) ? Says::nothing : Says::clean;
}

void affect(Issue& issue, std::int64_t at_us) {
  if (issue.affected_runs == 0)
    issue.first_seen_us = at_us;
  else if (issue.status == IssueStatus::resolved)
    issue.status = IssueStatus::reopened;
  issue.resolved_at_us = 0;
  issue.last_seen_us = at_us;
  issue.clean_runs_since = 0;
  ++issue.affected_runs;
}

std::int32_t count(const Walk& walk) {
  return static_cast<std::int32_t>(std::min<std::size_t>(walk.clean_us.size(), kCleanRunsToResolve));
}

// Nothing: these runs do not tell.
std::optional<Walk> walk(const std::vector<Look>& runs, bool all, std::string_view type, bool to_affected) {
  Walk way;
  for (const auto& run : runs) {
    const auto what = says(run, type);
    if (what == Says::affected) {
      way.affected_us = run.at_us;
      return way;
    }
    if (what == Says::clean) way.clean_us.push_back(run.at_us);
    if (!to_affected && count(way) == kCleanRunsToResolve) return way;
  }
  if (!all) return {};
  return way;
}

struct Ways {
  Walk before, after;
};

// Between two affected runs it was resolved if five or more are clean; so it was behind the last one.
std::int32_t resolutions_less(const Issue& issue, Says what, std::int64_t at_us, const Ways& ways) {
  const bool follows = issue.first_seen_us < at_us;  // an affected one
  const auto before = count(ways.before), after = count(ways.after);
  const auto resolved = [](bool there, std::int32_t clean) { return there && clean >= kCleanRunsToResolve ? 1 : 0; };
  const auto then = resolved(follows, before + after);
  if (what == Says::clean) return resolved(follows, before + 1 + after) - then;
  return resolved(follows, before) + resolved(true, after) - then;
}

// The clean runs behind the last affected one, where the run that was taken out stood among them or before them all.
void follow_tail(Issue& issue, const Ways& ways) {
  std::vector<std::int64_t> clean(ways.before.clean_us.rbegin(), ways.before.clean_us.rend());
  clean.insert(clean.end(), ways.after.clean_us.begin(), ways.after.clean_us.end());
  if (clean.size() > kCleanRunsToResolve) clean.resize(kCleanRunsToResolve);
  issue.clean_runs_since = static_cast<std::int32_t>(clean.size());
  issue.resolved_at_us = issue.clean_runs_since == kCleanRunsToResolve ? clean.back() : 0;
}

// At least one other run is affected.
Issue without(Issue issue, Says what, std::int64_t at_us, const Ways& ways) {
  issue.resolutions = std::max(issue.resolutions - resolutions_less(issue, what, at_us, ways), 0);
  const bool in_tail = at_us >= issue.last_seen_us;
  if (what == Says::affected) {
    --issue.affected_runs;
    if (at_us == issue.first_seen_us) issue.first_seen_us = ways.after.affected_us.value_or(at_us);
    if (at_us == issue.last_seen_us) issue.last_seen_us = ways.before.affected_us.value_or(at_us);
    if (in_tail) follow_tail(issue, ways);
  } else if (in_tail && count(ways.before) < kCleanRunsToResolve) {  // it was one of those that counted
    follow_tail(issue, ways);
  }
  if (issue.clean_runs_since == kCleanRunsToResolve)
    issue.status = IssueStatus::resolved;
  else
    issue.status = issue.resolutions > 0 ? IssueStatus::reopened : IssueStatus::open;
  return issue;
}

}  // namespace

void append(Issues& issues, const Look& run) {
  for (const auto& type : run.found) affect(issues[type], run.at_us);
  for (auto& [type, issue] : issues) {
    if (issue.status == IssueStatus::resolved || says(run, type) != Says::clean) continue;
    if (++issue.clean_runs_since < kCleanRunsToResolve) continue;
    issue.status = IssueStatus::resolved;
    issue.resolved_at_us = run.at_us;
    ++issue.resolutions;
  }
}

bool Look::says_the_same(const Look& other) const {
  const auto equal = [](std::vector<std::string> a, std::vector<std::string> b) {
    std::ranges::sort(a);
    std::ranges::sort(b);
    a.erase(std::ranges::unique(a).begin(), a.end());
    b.erase(std::ranges::unique(b).begin(), b.end());
    return a == b;
  };
  return nothing_judged == other.nothing_judged && equal(found, other.found) && equal(unjudged, other.unjudged);
}

void take_out(Issues& issues, const Look& run, const Beside& beside, const Ask& ask) {
  for (auto at = issues.begin(); at != issues.end();) {
    auto& [type, issue] = *at;
    const auto what = says(run, type);
    if (what == Says::affected && issue.affected_runs <= 1) {
      at = issues.erase(at);
      continue;
    }
    ++at;
    if (what == Says::nothing || (what == Says::clean && run.at_us < issue.first_seen_us)) continue;
    const auto way = [&](const std::vector<Look>& runs, bool all, Side side, std::int64_t end_us) {
      const bool to_affected = what == Says::affected && run.at_us == end_us;
      auto found = walk(runs, all, type, to_affected);
      return found ? *std::move(found) : ask(type, side, to_affected);
    };
    const Ways ways{way(beside.before, beside.all_before, Side::before, issue.last_seen_us),
                    way(beside.after, beside.all_after, Side::after, issue.first_seen_us)};
    issue = without(issue, what, run.at_us, ways);
  }
}

}  // namespace dunetrace::store
