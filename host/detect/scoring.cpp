#include "detect/scoring.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <unordered_map>

namespace dunetrace::detect {
namespace {

enum class Override { none, extreme_loop, failure_streak };

// The tool with the most calls (the first one met on ties) has at least 8, and at least 90 % of them share one
// args_hash.
bool extreme_loop(const Run& run) {
  constexpr std::size_t kCalls = 8;
  if (run.tool_calls.size() < kCalls) return false;
  std::unordered_map<std::string_view, std::size_t> calls;
  for (const auto& call : run.tool_calls) ++calls[call.tool_name];
  std::string_view top;
  std::size_t most = 0;
  for (const auto& call : run.tool_calls) {
    if (calls[call.tool_name] > most) {
      most = calls[call.tool_name];
      top = call.tool_name;
    }
  }
  if (most < kCalls) return false;
  std::unordered_map<std::string_view, std::size_t> hashes;
  std::size_t same = 0;
  for (const auto& call : run.tool_calls) {
    if (call.tool_name == top) same = std::max(same, ++hashes[call.args_hash]);
  }
  return same * 10 >= most * 9;
}

// At least 5 failed tool calls at the end of the run.
bool failure_streak(const Run& run) {
  std::size_t failed = 0;
  for (auto call = run.tool_calls.rbegin(); call != run.tool_calls.rend() && call->success == false; ++call) ++failed;
  return failed >= 5;
}

Override override_for(const Run& run) {
  if (extreme_loop(run)) return Override::extreme_loop;
  if (failure_streak(run)) return Override::failure_streak;
  return Override::none;
}

double boost(std::size_t signals) {
  switch (signals) {
    case 2:
      return 1.15;
    case 3:
      return 1.30;
    default:
      return 1.40;
  }
}

// To 4 decimals by the number's exact value, even on ties: what every language's own rounding of decimals gives.
// Multiplying first would round once more, and differ from it at the ties.
double round4(double value) {
  std::array<char, 16> text{};  // 0.1234, at most 1
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed, 4);
  double rounded = value;
  if (end.ec == std::errc()) std::from_chars(text.data(), end.ptr, rounded);
  return rounded;
}

}  // namespace

void score(const Run& run, std::vector<Signal>& signals) {
  if (signals.empty()) return;
  const auto rule = override_for(run);
  const auto count = signals.size();
  for (auto& signal : signals) {
    signal.co_signal_count = count == 1 ? 0 : static_cast<std::int32_t>(count);
    switch (rule) {
      case Override::extreme_loop:
        signal.severity = Severity::critical;
        signal.confidence = 0.98;
        break;
      case Override::failure_streak:
        if (signal.severity != Severity::critical) signal.severity = Severity::high;
        signal.confidence = 0.95;
        break;
      case Override::none:
        signal.confidence = round4(count > 1 ? std::min(1.0, signal.confidence * boost(count)) : signal.confidence);
        break;
    }
  }
}

}  // namespace dunetrace::detect
