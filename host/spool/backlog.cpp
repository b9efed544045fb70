#include "spool/backlog.hpp"

namespace dunetrace::spool {
namespace {

constexpr std::uint64_t kMostRead = 16 * 1024 * 1024;  // bytes of one group read from the file

}  // namespace

Backlog::Backlog(std::deque<Row> rows, std::size_t window_bytes)
    : rows_(std::move(rows)), window_limit_(window_bytes), spilled_(!rows_.empty()) {
  for (const auto& row : rows_) {
    events_ += row.events;
    bytes_ += row.bytes;
  }
}

void Backlog::add(const Row& row, BatchPtr batch) {
  // A reader that is only a little behind finds the end of the backlog in memory again. For one that is far behind, it
  // would lie there for a long time and be the wrong end.
  if (rows_.empty() || (window_.empty() && bytes_ <= window_limit_ / 2)) spilled_ = false;
  rows_.push_back(row);
  events_ += row.events;
  bytes_ += row.bytes;
  const bool fits = window_.empty() || window_bytes_ + batch->bytes <= window_limit_;
  if (spilled_ || !fits) {
    spilled_ = true;
    return;
  }
  window_bytes_ += batch->bytes;
  window_.push_back({row.position, std::move(batch)});
}

std::uint64_t Backlog::remove_before(std::uint64_t end) {
  std::uint64_t freed = 0;
  while (!rows_.empty() && rows_.front().end() <= end) {
    events_ -= rows_.front().events;
    freed += rows_.front().bytes;
    rows_.pop_front();
  }
  while (!window_.empty() && window_.front().position + window_.front().batch->events.size() <= end) {
    window_bytes_ -= window_.front().batch->bytes;
    window_.pop_front();
  }
  bytes_ -= freed;
  return freed;
}

Backlog::Next Backlog::next(std::size_t max_events) {
  Next next;
  if (rows_.empty()) return next;
  const bool in_memory = !window_.empty() && window_.front().position == rows_.front().position;
  const auto limit = in_memory ? window_.size() : rows_.size();
  std::uint64_t events = 0, bytes = 0;
  std::size_t count = 0;
  for (; count < limit; ++count) {
    const auto& row = rows_[count];
    if (!in_memory && !window_.empty() && row.position >= window_.front().position) break;
    if (count > 0 && (events + row.events > max_events || bytes + row.bytes > kMostRead)) break;
    events += row.events;
    bytes += row.bytes;
    next.group.end = row.end();
    if (in_memory) next.group.entries.push_back(window_[count]);
  }
  if (in_memory) return next;
  next.from = rows_.front().position;
  next.to = next.group.end;
  if (count == rows_.size()) spilled_ = false;  // the reader has caught up: what comes now follows without a gap
  return next;
}

}  // namespace dunetrace::spool
