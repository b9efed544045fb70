// A clock that stands still until a test moves it. Thread-safe.
#pragma once

#include <chrono>
#include <mutex>

#include "core/clock.hpp"

namespace dunetrace::testing {

class FakeClock final : public Clock {
 public:
  explicit FakeClock(double unix_seconds = 1'700'000'000) : unix_(unix_seconds) {}

  [[nodiscard]] double unix_seconds() const override {
    const std::lock_guard lock(mutex_);
    return unix_;
  }
  [[nodiscard]] std::chrono::steady_clock::time_point steady() const override {
    const std::lock_guard lock(mutex_);
    return steady_;
  }

  // Moves both times.
  void advance(std::chrono::nanoseconds time) {
    const std::lock_guard lock(mutex_);
    unix_ += std::chrono::duration<double>(time).count();
    steady_ += std::chrono::duration_cast<std::chrono::steady_clock::duration>(time);
  }
  // What an operator or NTP does: the wall clock jumps, the steady one does not.
  void set_unix_seconds(double unix_seconds) {
    const std::lock_guard lock(mutex_);
    unix_ = unix_seconds;
  }

 private:
  mutable std::mutex mutex_;
  double unix_;
  std::chrono::steady_clock::time_point steady_{std::chrono::hours(1)};
};

}  // namespace dunetrace::testing
