// Wakes sleeping workers: each poke lets one of them through, now or when it comes back. Thread-safe.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stop_token>

namespace dunetrace::detect {

class Wakeup {
 public:
  explicit Wakeup(int most) : most_(most) {}

  void poke() {
    const std::lock_guard lock(mutex_);
    if (pokes_ < most_) ++pokes_;
    changed_.notify_one();
  }

  // Returns when poked (true), when `limit` has passed or when stopping (false).
  bool wait(std::stop_token stop, std::chrono::milliseconds limit) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, stop, limit, [this] { return pokes_ > 0; })) return false;
    --pokes_;
    return true;
  }

 private:
  const int most_;  // more pokes than workers say nothing more
  std::mutex mutex_;
  std::condition_variable_any changed_;
  int pokes_ = 0;
};

}  // namespace dunetrace::detect
