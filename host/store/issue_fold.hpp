// Issues of one agent as its runs are judged, one after the other (spec/pipeline.md 2). Pure.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace dunetrace::store {

enum class IssueStatus : std::uint8_t { open, resolved, reopened };

struct Issue {
  IssueStatus status = IssueStatus::open;
  std::int32_t affected_runs = 0;
  std::int32_t clean_runs_since = 0;
  std::string first_seen, last_seen, resolved_at;  // opaque here; empty = not
  bool operator==(const Issue&) const = default;
};

using Issues = std::map<std::string, Issue>;  // by failure type

// One judgement of one run, as far as it concerns this agent. Only live signals count.
struct JudgedRun {
  bool first = true;                 // a second look changes what differs, and the run is not counted again
  std::set<std::string> before;      // failure types it was known for
  std::set<std::string> after;       // that it is known for now
  std::vector<std::string> unknown;  // that nobody could look for: it is neither affected nor clean
  std::string at;
};

constexpr std::int32_t kCleanRunsToResolve = 5;

// An issue that affects no run any more is gone: with the events in order it would never have been.
void judge_run(Issues& issues, const JudgedRun& run);

}  // namespace dunetrace::store
