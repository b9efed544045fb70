// All connections of a port: the cap, the gauge, and the thread that ends the ones that take too long.
// Thread-safe. Internal to http/.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

#include "http/connection.hpp"

namespace dunetrace::http {

class ConnectionTable {
 public:
  // `size_changed` gets the number of connections under the table's lock; `expired` is called once per ended client.
  ConnectionTable(std::size_t cap, std::chrono::milliseconds sweep_interval,
                  std::function<void(std::size_t)> size_changed, std::function<void()> expired);
  ~ConnectionTable();
  ConnectionTable(const ConnectionTable&) = delete;
  ConnectionTable& operator=(const ConnectionTable&) = delete;

  // False when the cap is reached or the table is closed.
  [[nodiscard]] bool add(ConnectionPtr connection);
  void remove(const Connection* connection);
  // Refuses newcomers, gives clients that got their last answer a moment to hang up, ends the others, and waits until
  // the transport has let go of all; false when `limit` passed first.
  bool close(std::chrono::milliseconds limit);
  void stop();  // joins the sweeping thread

 private:
  void sweep(const std::stop_token& stop);
  [[nodiscard]] std::vector<ConnectionPtr> snapshot() const;

  const std::size_t cap_;
  const std::chrono::milliseconds sweep_interval_;
  const std::function<void(std::size_t)> size_changed_;
  const std::function<void()> expired_;
  mutable std::mutex mutex_;
  std::condition_variable removed_;
  std::condition_variable_any tick_;  // nobody notifies it; only a stop request ends its wait early
  std::unordered_map<const Connection*, ConnectionPtr> connections_;
  bool closed_ = false;
  std::jthread sweeper_;
};

}  // namespace dunetrace::http
