// The queue of accepted batches between the ingest port and its writer. It stands where the durable spool will be and
// offers what that one can offer: append (then the batch is promised), read from the oldest that is not acknowledged,
// acknowledge. Any number of threads append; one thread reads.
//   if (queue.append(std::move(batch)) != Append::accepted) return 503;
//   auto group = queue.read(5000, stop, deadline); …write…; queue.acknowledge(group.end);
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <stop_token>
#include <vector>

#include "core/batch.hpp"

namespace dunetrace::spool {

using BatchPtr = std::shared_ptr<const AcceptedBatch>;  // shared: the queue and its reader, who may drop it first

struct QueueLimits {
  std::size_t events = 100'000;
  std::size_t bytes = 128 * 1024 * 1024;  // large payloads fill memory long before the events are many
};

enum class Append : std::uint8_t { accepted, full, closed };

struct ReadGroup {
  std::vector<BatchPtr> batches;  // in the order of their arrival; empty when there is nothing
  std::uint64_t end = 0;          // what to acknowledge once they are written
};

class Queue {
 public:
  explicit Queue(QueueLimits limits) : limits_(limits) {}

  // A batch goes in whole or not at all; an empty queue takes any batch, however large.
  [[nodiscard]] Append append(AcceptedBatch batch);

  // The oldest batches that are not acknowledged, up to `max_events` (at least one batch). Waits for one until
  // `deadline`, until the queue is closed or `stop` is requested; then it may be empty.
  [[nodiscard]] ReadGroup read(std::size_t max_events, std::stop_token stop,
                               std::chrono::steady_clock::time_point deadline);

  // Everything before `end` is in the database. Frees its room.
  void acknowledge(std::uint64_t end);

  // Refuses newcomers; what is inside can still be read.
  void close();
  [[nodiscard]] bool closed() const;

  // Closed and everything acknowledged; waits for it at most `limit`.
  [[nodiscard]] bool wait_drained(std::chrono::milliseconds limit);

  [[nodiscard]] std::size_t events() const;
  [[nodiscard]] const QueueLimits& limits() const { return limits_; }

 private:
  const QueueLimits limits_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<BatchPtr> batches_;
  std::uint64_t begin_ = 0;  // position of batches_.front()
  std::size_t events_ = 0;
  std::size_t bytes_ = 0;
  bool closed_ = false;
};

}  // namespace dunetrace::spool
