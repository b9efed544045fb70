#include "spool/queue.hpp"

#include "core/ids.hpp"
#include "core/result.hpp"

namespace dunetrace::spool {

Queue::Queue(QueueLimits limits) : limits_(limits), id_(new_uuid()) {}

void Queue::append(AcceptedBatch batch, Done done) { done(put(std::move(batch))); }

Append Queue::put(AcceptedBatch batch) {
  const auto events = batch.events.size();
  const auto bytes = batch.bytes;
  auto shared = std::make_shared<const AcceptedBatch>(std::move(batch));
  const std::lock_guard lock(mutex_);
  if (closed_) return Append::closed;
  const bool fits = events_ + events <= limits_.events && bytes_ + bytes <= limits_.bytes;
  if (!fits && !entries_.empty()) return Append::full;
  entries_.push_back({next_, std::move(shared)});
  next_ += events;
  events_ += events;
  bytes_ += bytes;
  changed_.notify_all();
  return Append::accepted;
}

ReadGroup Queue::read(std::size_t max_events, std::stop_token stop, std::chrono::steady_clock::time_point deadline) {
  std::unique_lock lock(mutex_);
  changed_.wait_until(lock, stop, deadline, [this] { return closed_ || !entries_.empty(); });
  ReadGroup group;
  std::size_t events = 0;
  for (const auto& entry : entries_) {
    if (!group.entries.empty() && events + entry.batch->events.size() > max_events) break;
    events += entry.batch->events.size();
    group.entries.push_back(entry);
    group.end = entry.position + entry.batch->events.size();
  }
  return group;
}

void Queue::acknowledge(std::uint64_t end) {
  const std::lock_guard lock(mutex_);
  DUNE_CHECK(end <= next_, "only what was read can be acknowledged");
  while (!entries_.empty() && entries_.front().position + entries_.front().batch->events.size() <= end) {
    events_ -= entries_.front().batch->events.size();
    bytes_ -= entries_.front().batch->bytes;
    entries_.pop_front();
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
  return changed_.wait_for(lock, limit, [this] { return closed_ && entries_.empty(); });
}

bool Queue::full() const {
  const std::lock_guard lock(mutex_);
  return events_ >= limits_.events || bytes_ >= limits_.bytes;
}

std::size_t Queue::events() const {
  const std::lock_guard lock(mutex_);
  return events_;
}

std::size_t Queue::bytes() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

std::optional<double> Queue::oldest_accepted_at() const {
  const std::lock_guard lock(mutex_);
  if (entries_.empty()) return std::nullopt;
  return entries_.front().batch->accepted_at;
}

}  // namespace dunetrace::spool
