#include "spool/queue.hpp"

#include "core/result.hpp"

namespace dunetrace::spool {

Append Queue::append(AcceptedBatch batch) {
  const auto events = batch.events.size();
  const auto bytes = batch.bytes;
  auto shared = std::make_shared<const AcceptedBatch>(std::move(batch));
  const std::lock_guard lock(mutex_);
  if (closed_) return Append::closed;
  const bool fits = events_ + events <= limits_.events && bytes_ + bytes <= limits_.bytes;
  if (!fits && !batches_.empty()) return Append::full;
  batches_.push_back(std::move(shared));
  events_ += events;
  bytes_ += bytes;
  changed_.notify_all();
  return Append::accepted;
}

ReadGroup Queue::read(std::size_t max_events, std::stop_token stop, std::chrono::steady_clock::time_point deadline) {
  std::unique_lock lock(mutex_);
  changed_.wait_until(lock, stop, deadline, [this] { return closed_ || !batches_.empty(); });
  ReadGroup group;
  group.end = begin_;
  std::size_t events = 0;
  for (const auto& batch : batches_) {
    if (!group.batches.empty() && events + batch->events.size() > max_events) break;
    events += batch->events.size();
    group.batches.push_back(batch);
    ++group.end;
  }
  return group;
}

void Queue::acknowledge(std::uint64_t end) {
  const std::lock_guard lock(mutex_);
  DUNE_CHECK(end <= begin_ + batches_.size(), "only what was read can be acknowledged");
  for (; begin_ < end; ++begin_) {
    events_ -= batches_.front()->events.size();
    bytes_ -= batches_.front()->bytes;
    batches_.pop_front();
  }
  changed_.notify_all();
}

void Queue::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  changed_.notify_all();
}

bool Queue::closed() const {
  const std::lock_guard lock(mutex_);
  return closed_;
}

bool Queue::wait_drained(std::chrono::milliseconds limit) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, limit, [this] { return closed_ && batches_.empty(); });
}

std::size_t Queue::events() const {
  const std::lock_guard lock(mutex_);
  return events_;
}

}  // namespace dunetrace::spool
