// The spool in memory, for those who prefer speed (SPOOL_DURABILITY=memory): what is inside ends with the process.
// Thread-safe.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>

#include "spool/spool.hpp"

namespace dunetrace::spool {

struct QueueLimits {
  std::size_t events = 100'000;
  std::size_t bytes = 128 * 1024 * 1024;  // large payloads fill memory long before the events are many
};

class Queue final : public Spool {
 public:
  explicit Queue(QueueLimits limits);

  void append(AcceptedBatch batch, Done done) override;
  [[nodiscard]] ReadGroup read(std::size_t max_events, std::stop_token stop,
                               std::chrono::steady_clock::time_point deadline) override;
  void acknowledge(std::uint64_t end) override;
  void close() override;
  [[nodiscard]] bool closed() const override;
  [[nodiscard]] bool wait_drained(std::chrono::milliseconds limit) override;
  void finish() override { close(); }
  [[nodiscard]] bool full() const override;
  [[nodiscard]] std::size_t events() const override;
  [[nodiscard]] std::size_t bytes() const override;
  [[nodiscard]] std::size_t events_in_memory() const override { return events(); }
  [[nodiscard]] std::optional<double> oldest_accepted_at() const override;
  [[nodiscard]] bool durable() const override { return false; }
  [[nodiscard]] const std::string& id() const override { return id_; }

 private:
  [[nodiscard]] Append put(AcceptedBatch batch);

  const QueueLimits limits_;
  const std::string id_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<Entry> entries_;
  std::uint64_t next_ = 0;  // position of the next event
  std::size_t events_ = 0;
  std::size_t bytes_ = 0;
  bool closed_ = false;
};

}  // namespace dunetrace::spool
