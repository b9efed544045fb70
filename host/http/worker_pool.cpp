#include "http/worker_pool.hpp"

#include <utility>

namespace dunetrace::http {

WorkerPool::WorkerPool(int threads, std::size_t capacity) : capacity_(capacity) {
  for (int i = 0; i < threads; ++i) {
    threads_.emplace_back([this] { run(); });
  }
}

WorkerPool::~WorkerPool() { stop(); }

bool WorkerPool::submit(std::function<void()> task) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_ || queue_.size() >= capacity_) return false;
    queue_.push_back(std::move(task));
  }
  work_.notify_one();
  return true;
}

void WorkerPool::stop() {
  std::deque<std::function<void()>> unrun;  // destroyed without the lock: a dropped request answers its client
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    unrun.swap(queue_);
  }
  work_.notify_all();
  threads_.clear();  // joins
}

void WorkerPool::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    work_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    if (stopping_) return;
    auto task = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    task();
    task = nullptr;
    lock.lock();
  }
}

}  // namespace dunetrace::http
