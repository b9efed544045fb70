#include "http/connection_table.hpp"

#include <algorithm>

namespace dunetrace::http {
namespace {

constexpr auto kHangUpGrace = std::chrono::milliseconds(500);

}  // namespace

ConnectionTable::ConnectionTable(std::size_t cap, std::chrono::milliseconds sweep_interval,
                                 std::function<void(std::size_t)> size_changed, std::function<void()> expired)
    : cap_(cap), sweep_interval_(sweep_interval), size_changed_(std::move(size_changed)), expired_(std::move(expired)) {
  sweeper_ = std::jthread([this](const std::stop_token& stop) { sweep(stop); });
}

ConnectionTable::~ConnectionTable() { stop(); }

bool ConnectionTable::add(ConnectionPtr connection) {
  const std::lock_guard lock(mutex_);
  if (closed_ || connections_.size() >= cap_) return false;
  const auto* const key = connection.get();
  connections_.emplace(key, std::move(connection));
  size_changed_(connections_.size());
  return true;
}

void ConnectionTable::remove(const Connection* connection) {
  ConnectionPtr last;  // dies without the lock
  {
    const std::lock_guard lock(mutex_);
    const auto found = connections_.find(connection);
    if (found == connections_.end()) return;
    last = std::move(found->second);
    connections_.erase(found);
    size_changed_(connections_.size());
  }
  removed_.notify_all();
}

bool ConnectionTable::close(std::chrono::milliseconds limit) {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  bool somebody_reads = false;
  for (const auto& connection : snapshot()) {
    if (connection->lingering())
      somebody_reads = true;
    else
      connection->abort();
  }
  const auto empty = [this] { return connections_.empty(); };
  if (somebody_reads) {
    std::unique_lock lock(mutex_);
    removed_.wait_for(lock, std::min(kHangUpGrace, limit), empty);
  }
  for (const auto& connection : snapshot()) connection->abort();
  std::unique_lock lock(mutex_);
  return removed_.wait_for(lock, limit, empty);
}

void ConnectionTable::stop() {
  sweeper_.request_stop();
  if (sweeper_.joinable()) sweeper_.join();
}

std::vector<ConnectionPtr> ConnectionTable::snapshot() const {
  const std::lock_guard lock(mutex_);
  std::vector<ConnectionPtr> all;
  all.reserve(connections_.size());
  for (const auto& [key, connection] : connections_) all.push_back(connection);
  return all;
}

void ConnectionTable::sweep(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    {
      std::unique_lock lock(mutex_);
      tick_.wait_for(lock, stop, sweep_interval_, [] { return false; });
    }
    const auto now = Steady::now();
    for (const auto& connection : snapshot()) {
      if (connection->expire(now)) expired_();
    }
  }
}

}  // namespace dunetrace::http
