#include "plugin/explain_guard.hpp"

namespace dunetrace::plugin {
namespace {

// A request is answered on one thread, and only what works with a guard spends of it.
thread_local std::chrono::nanoseconds time_left = ExplainGuard::kBudget;

telemetry::Counter& outcome(telemetry::Metrics& metrics, const char* name) {
  return metrics.counter("dunetrace_explain_fallbacks_total",
                         "Explanations that a plugin's template gave instead of its own code, by reason",
                         {{"reason", name}});
}

}  // namespace

ExplainGuard::ExplainGuard(telemetry::Metrics& metrics)
    : failed_(outcome(metrics, "failed")),
      skipped_(outcome(metrics, "paused")),
      off_(outcome(metrics, "quarantined")),
      late_(outcome(metrics, "budget")) {}

void ExplainGuard::begin_request() { time_left = kBudget; }

bool ExplainGuard::allows(std::string_view component, std::string_view sha256) {
  if (const auto* const conduct = conduct_.load(std::memory_order_acquire);
      conduct != nullptr && conduct->off(component, sha256)) {
    off_.add();
    return false;
  }
  if (time_left > std::chrono::nanoseconds(0)) return true;
  late_.add();
  return false;
}

// NOLINTNEXTLINE(readability-convert-member-functions-to-static): only who has a guard spends
void ExplainGuard::took(std::chrono::nanoseconds time) { time_left -= time; }

bool ExplainGuard::failed(Code code, const Strike* strike) {
  if (strike == nullptr && code == Code::unavailable) {
    skipped_.add();
    return false;
  }
  failed_.add();
  if (auto* const conduct = conduct_.load(std::memory_order_acquire); strike != nullptr && conduct != nullptr) {
    conduct->strike(*strike);
  }
  return true;
}

}  // namespace dunetrace::plugin
