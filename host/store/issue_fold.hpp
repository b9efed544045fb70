// Issues of one agent: a fold over its judged runs in their order (spec/pipeline.md 2), and how a run is taken out of
// the middle of it again without folding anew. Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace dunetrace::store {

enum class IssueStatus : std::uint8_t { open, resolved, reopened };

// Times are microseconds since 1970; no two runs of an agent have the same, so that they are places in its order.
struct Issue {
  IssueStatus status = IssueStatus::open;
  std::int32_t affected_runs = 0;
  std::int32_t clean_runs_since = 0;
  std::int32_t resolutions = 0;  // how often it was resolved
  std::int64_t first_seen_us = 0, last_seen_us = 0;
  std::int64_t resolved_at_us = 0;  // 0 = it is not resolved
  bool operator==(const Issue&) const = default;
};

using Issues = std::map<std::string, Issue>;  // by failure type

// What the last judgement of one run says. Only live signals count.
struct Look {
  std::int64_t at_us = 0;
  std::vector<std::string> found;     // failure types
  std::vector<std::string> unjudged;  // that nobody could look for: the run is neither affected nor clean
  bool nothing_judged = false;        // the same for all types that are not found

  [[nodiscard]] bool says_the_same(const Look& other) const;
};

constexpr std::int32_t kCleanRunsToResolve = 5;

// A run that was judged after all others.
void append(Issues& issues, const Look& run);

// The runs beside one, nearest first.
struct Beside {
  std::vector<Look> before, after;
  bool all_before = false, all_after = false;  // no others are there
};

// The way from a run to the next one, on one side, that is affected by a type.
struct Walk {
  std::vector<std::int64_t> clean_us;  // of the clean runs on it, nearest first
  std::optional<std::int64_t> affected_us;
};

// Where the runs beside it do not tell. Five clean runs are enough: the nearest, or those nearest to the affected run
// if it has to be known which that is, on the side before.
enum class Side : std::uint8_t { before, after };
using Ask = std::function<Walk(const std::string& type, Side side, bool to_affected)>;

// Takes a run out of its place: the issues are then those of a fold without it. An issue that affects no run any more
// is gone.
void take_out(Issues& issues, const Look& run, const Beside& beside, const Ask& ask);

}  // namespace dunetrace::store
