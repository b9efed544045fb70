// Time, passed in wherever it is needed so that tests need no sleeping. Thread-safe.
#pragma once

#include <chrono>

namespace dunetrace {

class Clock {
 public:
  virtual ~Clock() = default;
  // Unix time in seconds with fraction, the unit of the wire and of the API.
  [[nodiscard]] virtual double unix_seconds() const = 0;
  [[nodiscard]] virtual std::chrono::steady_clock::time_point steady() const = 0;
};

class SystemClock final : public Clock {
 public:
  [[nodiscard]] double unix_seconds() const override {
    return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  }
  [[nodiscard]] std::chrono::steady_clock::time_point steady() const override {
    return std::chrono::steady_clock::now();
  }
};

}  // namespace dunetrace
