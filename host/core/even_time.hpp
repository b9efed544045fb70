// Unix time for ages: begins with the wall clock and goes on with the steady one, so that it does not leap when
// somebody sets the clock. Thread-safe.
#pragma once

#include "core/clock.hpp"

namespace dunetrace {

class EvenTime {
 public:
  explicit EvenTime(const Clock& clock) : clock_(clock), unix_(clock.unix_seconds()), steady_(clock.steady()) {}
  [[nodiscard]] double unix_seconds() const {
    return unix_ + std::chrono::duration<double>(clock_.steady() - steady_).count();
  }

 private:
  const Clock& clock_;  // outlives this
  const double unix_;
  const std::chrono::steady_clock::time_point steady_;
};

}  // namespace dunetrace
