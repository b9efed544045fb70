// Counts work in flight so that a shutdown can wait for it. Thread-safe.
//   auto pass = gate.enter(); if (!pass) return unavailable();
//   …
//   gate.close(10s);   // nobody enters any more; true when everybody left in time
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <utility>

namespace dunetrace {

class Gate {
 public:
  class Pass {
   public:
    Pass() = default;
    explicit Pass(Gate* gate) : gate_(gate) {}
    Pass(Pass&& other) noexcept : gate_(std::exchange(other.gate_, nullptr)) {}
    Pass& operator=(Pass&& other) noexcept {
      if (this != &other) {
        release();
        gate_ = std::exchange(other.gate_, nullptr);
      }
      return *this;
    }
    Pass(const Pass&) = delete;
    Pass& operator=(const Pass&) = delete;
    ~Pass() { release(); }
    explicit operator bool() const { return gate_ != nullptr; }

   private:
    void release() {
      if (gate_ != nullptr) std::exchange(gate_, nullptr)->leave();
    }
    Gate* gate_ = nullptr;
  };

  // An empty pass once the gate is closed.
  [[nodiscard]] Pass enter() {
    const std::lock_guard lock(mutex_);
    if (closed_) return Pass();
    ++inside_;
    return Pass(this);
  }

  // Refuses newcomers and waits until everybody left; false when the limit passed first.
  bool close(std::chrono::milliseconds limit) {
    std::unique_lock lock(mutex_);
    closed_ = true;
    return empty_.wait_for(lock, limit, [this] { return inside_ == 0; });
  }

  [[nodiscard]] std::size_t inside() const {
    const std::lock_guard lock(mutex_);
    return inside_;
  }

 private:
  void leave() {
    const std::lock_guard lock(mutex_);
    if (--inside_ == 0) empty_.notify_all();
  }

  mutable std::mutex mutex_;
  std::condition_variable empty_;
  std::size_t inside_ = 0;
  bool closed_ = false;
};

}  // namespace dunetrace
