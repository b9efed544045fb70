// A fixed number of threads for handlers that block, behind one bounded queue. Thread-safe. Internal to http/.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace dunetrace::http {

class WorkerPool {
 public:
  WorkerPool(int threads, std::size_t capacity);
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  // False when `capacity` tasks wait already or the pool is stopping; the task is then destroyed unrun.
  [[nodiscard]] bool submit(std::function<void()> task);
  // Destroys what waits and returns when the running tasks have ended.
  void stop();

 private:
  void run();

  const std::size_t capacity_;
  std::mutex mutex_;
  std::condition_variable work_;
  std::deque<std::function<void()>> queue_;
  bool stopping_ = false;
  std::vector<std::jthread> threads_;
};

}  // namespace dunetrace::http
