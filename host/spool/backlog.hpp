// What is committed and not acknowledged: every batch by position and size, and a stretch of them in memory (the
// window, without gaps), so that a reader that keeps up never reads the file. Internal to the disk spool, under its
// lock.
#pragma once

#include <deque>

#include "spool/spool.hpp"
#include "spool/spool_file.hpp"

namespace dunetrace::spool {

class Backlog {
 public:
  Backlog(std::deque<Row> rows, std::size_t window_bytes);

  void add(const Row& row, BatchPtr batch);
  // Returns the bytes that became free.
  std::uint64_t remove_before(std::uint64_t end);

  // Up to `max_events`, at least one batch, from the oldest on. When the oldest is not in memory, `from` and `to` say
  // what to read from the file instead.
  struct Next {
    ReadGroup group;
    std::uint64_t from = 0, to = 0;  // equal: nothing to read
  };
  [[nodiscard]] Next next(std::size_t max_events);

  [[nodiscard]] bool empty() const { return rows_.empty(); }
  [[nodiscard]] std::uint64_t begin() const { return rows_.front().position; }
  [[nodiscard]] double oldest_accepted_at() const { return rows_.front().accepted_at; }
  [[nodiscard]] std::uint64_t events() const { return events_; }
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }

 private:
  std::deque<Row> rows_;
  std::deque<Entry> window_;
  const std::size_t window_limit_;
  std::size_t window_bytes_ = 0;
  bool spilled_ = false;  // newcomers go to the file only, because others did that came after the window
  std::uint64_t events_ = 0;
  std::uint64_t bytes_ = 0;
};

}  // namespace dunetrace::spool
