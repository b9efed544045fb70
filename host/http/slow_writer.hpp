// One thread that writes what clients do not take at once, so that a client that reads slowly costs nobody else
// anything. Bounded in bytes; a client that stops taking bytes is dropped. Thread-safe. Internal to http/.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

#include "core/fd.hpp"
#include "http/connection.hpp"

namespace dunetrace::http {

class SlowWriter {
 public:
  struct Limits {
    std::size_t max_bytes = 0;                   // of all answers that wait
    std::chrono::milliseconds write_timeout{0};  // to take the next kMinProgressBytes
  };

  // `dropped` is called once per client that was given up, from the writer's thread.
  SlowWriter(Limits limits, std::function<void()> dropped);
  ~SlowWriter();
  SlowWriter(const SlowWriter&) = delete;
  SlowWriter& operator=(const SlowWriter&) = delete;

  // False when the byte limit is reached or the writer has stopped.
  [[nodiscard]] bool add(const ConnectionPtr& connection, std::size_t bytes);
  // Drops what waits and joins.
  void stop();

 private:
  struct Entry {
    ConnectionPtr connection;
    std::size_t bytes = 0;
    std::size_t written_mark = 0;
    Steady::time_point deadline;
  };
  void run();
  void on_writable(int fd);
  void drop_late(Steady::time_point now);
  [[nodiscard]] ConnectionPtr remove(int fd);
  void wake() const;

  const Limits limits_;
  const std::function<void()> dropped_;
  const Fd epoll_;
  const Fd wake_;
  mutable std::mutex mutex_;
  std::unordered_map<int, Entry> entries_;  // by the connection's own descriptor, which lives as long as the entry
  std::size_t bytes_ = 0;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace dunetrace::http
