// How long a thread may run before the scheduler looks at others again. Nobody gets more time by it; what changes is
// who waits for whom: a woken thread of short turns interrupts one of longer turns at once, while among equals it waits
// for the end of a turn: a timer tick, often 4 ms, for each of the threads that a request passes. So what a client
// waits for takes short turns, and bulk work long ones. Linux from 6.12 on; without effect before.
#pragma once

#include <chrono>
#include <cstdint>

namespace dunetrace {

inline constexpr std::chrono::nanoseconds kShortTurns = std::chrono::microseconds(100);  // the shortest there is
// Longer than what threads have by themselves (up to 2.8 ms), and still within one tick where those tick at 250 Hz.
inline constexpr std::chrono::nanoseconds kLongTurns = std::chrono::milliseconds(4);

// Of the calling thread. False when the system has no such thing.
bool take_turns(std::chrono::nanoseconds length) noexcept;
// Zero when the system does not say.
[[nodiscard]] std::chrono::nanoseconds turns() noexcept;

// For threads that somebody else makes: they inherit what their maker has.
class TurnsOfNewThreads {
 public:
  explicit TurnsOfNewThreads(std::chrono::nanoseconds length) noexcept : before_(turns()) { take_turns(length); }
  ~TurnsOfNewThreads() {
    if (before_.count() > 0) take_turns(before_);
  }
  TurnsOfNewThreads(const TurnsOfNewThreads&) = delete;
  TurnsOfNewThreads& operator=(const TurnsOfNewThreads&) = delete;

 private:
  const std::chrono::nanoseconds before_;
};

}  // namespace dunetrace
