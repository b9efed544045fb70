// RETRY_STORM: the agent calls a failing tool again and again and the tool never recovers. Called by the host through
// the ABI, one thread at a time per instance.
#include <dunetrace/detector.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "common/evidence.hpp"
#include "common/first_party.hpp"
#include "common/formulas.hpp"
#include "explanation.hpp"

namespace {

using dunetrace::List;
using dunetrace::ToolCall;

struct Streak {
  std::size_t begin = 0, length = 0;
};

struct RetryStorm : detectors::FirstParty {
  struct Params {
    std::int64_t threshold;
  };
  static constexpr const char* plugin_id = "dunetrace.retry_storm";
  static constexpr const char* id = "retry_storm";
  static constexpr const char* title = "Retry storm";
  static constexpr const char* signal = "RETRY_STORM";
  static constexpr const char* doc = "One tool failed several times in a row and never worked again in the run.";
  static constexpr const auto& templates = retry_storm_text::kExplanations;
  static constexpr auto params =
      std::make_tuple(dunetrace::param(&Params::threshold, "threshold", 3, 1, 10'000, "calls",
                                       "Failures of one tool in a row that count. Unknown outcomes end a row."));

  explicit RetryStorm(const Params& p) : p_(p) {}

  void detect(dunetrace::Run run, dunetrace::Sink& out) const {
    const auto calls = run.tool_calls();
    const auto streaks = failure_streaks(calls);
    if (streaks.empty()) return;
    const auto last_success = last_success_steps(calls);
    std::optional<Streak> longest;  // the latest on ties
    for (const Streak& streak : streaks) {
      const auto last = calls[streak.begin + streak.length - 1];
      const auto success = last_success.find(last.name());
      if (success != last_success.end() && success->second > last.step()) continue;  // the tool recovered
      if (!longest || streak.length >= longest->length) longest = streak;
    }
    if (longest) report(run, *longest, out);
  }

 private:
  // Maximal rows of neighbouring failed calls of one tool, long enough to count. An unknown outcome ends a row.
  std::vector<Streak> failure_streaks(List<ToolCall> calls) const {
    std::vector<Streak> streaks;
    for (std::size_t i = 0; i < calls.size();) {
      if (!calls[i].failed()) {
        ++i;
        continue;
      }
      std::size_t end = i + 1;
      while (end < calls.size() && calls[end].failed() && calls[end].name() == calls[i].name()) ++end;
      if (static_cast<std::int64_t>(end - i) >= p_.threshold) streaks.push_back({i, end - i});
      i = end;
    }
    return streaks;
  }

  static std::unordered_map<std::string_view, std::int32_t> last_success_steps(List<ToolCall> calls) {
    std::unordered_map<std::string_view, std::int32_t> steps;
    for (const ToolCall call : calls) {
      if (call.success() != true) continue;
      const auto [entry, added] = steps.try_emplace(call.name(), call.step());
      if (!added) entry->second = std::max(entry->second, call.step());
    }
    return steps;
  }

  void report(dunetrace::Run run, const Streak& streak, dunetrace::Sink& out) const {
    std::vector<ToolCall> failed;
    detectors::DistinctTexts args, reasons;
    bool every_reason_known = true;
    for (std::size_t i = 0; i < streak.length; ++i) {
      failed.push_back(run.tool_calls()[streak.begin + i]);
      args.add(failed.back().args_hash());
      const auto reason = failed.back().error_hash();
      reasons.add(reason.value_or(""));
      every_reason_known = every_reason_known && reason;
    }
    const bool one_reason = every_reason_known && reasons.count() == 1;
    const auto count = static_cast<std::int64_t>(streak.length);

    auto found =
        out.signal(dunetrace::Severity::high, detectors::scale(detectors::ratio_of(count, p_.threshold)), run.step());
    found.with("tool", detectors::clip(failed.front().name()))
        .with("consecutive_fails", count)
        .with("threshold", p_.threshold)
        .with("first_fail_step", failed.front().step());
    detectors::with_list(found, "step_indices", failed, [](const ToolCall& c) { return c.step(); });
    found.with("args_identical", args.count() == 1);
    detectors::with_list(found, "error_hashes", failed, [](const ToolCall& c) { return c.error_hash(); });
    found.with("reason_identical", one_reason)
        .with("failure_reason_hash", one_reason ? detectors::clip(failed.front().error_hash()) : std::nullopt);
    found.emit();
  }

  Params p_;
};

}  // namespace

DUNE_DETECTOR_PLUGIN(RetryStorm)
