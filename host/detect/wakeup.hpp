// Wakes sleeping workers: each poke lets one of them through, now or when it comes back; poke_all lets every one
// through once. Thread-safe.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
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

  void poke_all() {
    const std::lock_guard lock(mutex_);
    ++round_;
    changed_.notify_all();
  }

  // Returns when poked (true), when `limit` has passed or when stopping (false). `round` is the worker's own, begun
  // with 0: which call of poke_all() it has followed.
  bool wait(std::stop_token stop, std::chrono::milliseconds limit, std::uint64_t& round) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, stop, limit, [&] { return pokes_ > 0 || round != round_; })) return false;
    if (round == round_)
      --pokes_;
    else
      round = round_;
    return true;
  }

 private:
  const int most_;  // more pokes than workers say nothing more
  std::mutex mutex_;
  std::condition_variable_any changed_;
  int pokes_ = 0;
  std::uint64_t round_ = 0;
};

}  // namespace dunetrace::detect
