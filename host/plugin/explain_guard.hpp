// What keeps a plugin's explanation code from holding up those who ask for explanations: a budget of time per request,
// strikes for what crashes or hangs, and silence for what is in quarantine. One per host. Thread-safe.
#pragma once

#include <atomic>
#include <chrono>
#include <string>
#include <string_view>

#include "core/result.hpp"
#include "plugin/conduct.hpp"
#include "telemetry/metrics.hpp"

namespace dunetrace::plugin {

class ExplainGuard {
 public:
  // A page of 50 signals whose plugins answer as they should takes far less.
  static constexpr std::chrono::milliseconds kBudget{1'500};

  explicit ExplainGuard(telemetry::Metrics& metrics);

  // Who takes the strikes and knows what is off; outlives every later question. nullptr: nobody.
  void set_conduct(Conduct* conduct) { conduct_.store(conduct, std::memory_order_release); }
  // The request that this thread works on from now on has its whole budget.
  static void begin_request();

  // Whether a component's code is to be asked; counted when it is not.
  [[nodiscard]] bool allows(std::string_view component, std::string_view sha256);
  void took(std::chrono::nanoseconds time);
  // It failed; `strike` when it crashed or hung. True when that is worth a line: what is only skipped is counted.
  bool failed(Code code, const Strike* strike);

 private:
  telemetry::Counter &failed_, &skipped_, &off_, &late_;
  std::atomic<Conduct*> conduct_ = nullptr;
};

}  // namespace dunetrace::plugin
