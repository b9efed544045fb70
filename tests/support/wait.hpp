// Waiting for something to become true, with a limit. The only place in the tests that lets time pass.
//   ASSERT_TRUE(wait_until([&] { return calls == 3; }));
#pragma once

#include <chrono>
#include <thread>

namespace dunetrace::testing {

// Generous: only a failing test waits that long, and sanitizer builds on a busy machine are slow.
inline constexpr std::chrono::milliseconds kWaitLimit{20'000};

template <class Condition>
[[nodiscard]] bool wait_until(Condition condition, std::chrono::milliseconds limit = kWaitLimit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

}  // namespace dunetrace::testing
