// The inside of Database: the connections, and the knowledge whether the server is there. For database.cpp and
// session.cpp. Thread-safe; a Lease belongs to one thread.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <pqxx/pqxx>
#include <string_view>
#include <thread>
#include <vector>

#include "core/result.hpp"
#include "store/database.hpp"
#include "store/database_async.hpp"
#include "store/database_connect.hpp"

namespace dunetrace::store {

struct Database::Impl {
  // One connection for one transaction. It goes back to the pool unless it was dropped.
  class Lease {
   public:
    Lease(Impl& pool, std::unique_ptr<pqxx::connection> connection, bool reused)
        : pool_(&pool), connection_(std::move(connection)), reused_(reused) {}
    Lease(Lease&& other) noexcept = default;
    Lease& operator=(Lease&&) = delete;
    ~Lease() {
      if (connection_) pool_->give_back(std::move(connection_));
    }
    [[nodiscard]] pqxx::connection& connection() const { return *connection_; }
    [[nodiscard]] bool reused() const { return reused_; }  // was idle before: the server may have closed it meanwhile
    void drop() { pool_->discard(std::move(connection_)); }

   private:
    Impl* pool_;
    std::unique_ptr<pqxx::connection> connection_;
    bool reused_;
  };

  Impl(const DatabaseOptions& options, telemetry::Logger& log, telemetry::Metrics& metrics);
  ~Impl();
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  [[nodiscard]] Result<Lease> lease();
  void drop_idle();  // after a lost connection the others are most likely dead as well
  [[nodiscard]] Result<> probe(std::chrono::milliseconds limit);
  void set_reachable(bool reachable, std::string_view reason);
  void pause(std::chrono::milliseconds time) const { static_cast<void>(waker.wait_for(time)); }
  [[nodiscard]] std::string clean(std::string_view message) const;

  DatabaseOptions options;
  telemetry::Logger& log;
  telemetry::Gauge& up;
  telemetry::Counter& repeats;
  Result<detail::ConnectInfo> info;
  std::atomic<bool> reachable{false};

 private:
  [[nodiscard]] Result<> ask_server(detail::Deadline deadline);
  [[nodiscard]] Result<std::unique_ptr<pqxx::connection>> connect();
  void give_back(std::unique_ptr<pqxx::connection> connection);
  void discard(std::unique_ptr<pqxx::connection> connection);
  void watch(const std::stop_token& stop);

  detail::Waker waker;  // set when the Database ends
  std::mutex mutex;
  std::condition_variable freed;
  std::vector<std::unique_ptr<pqxx::connection>> idle;
  int open = 0;  // idle and leased
  std::atomic<std::chrono::steady_clock::rep> last_success{0};
  std::atomic<bool> state_known{false};

  std::mutex probe_mutex;
  std::condition_variable probe_done;
  bool probing = false;  // whoever set it owns probe_connection
  std::optional<detail::AsyncConnection> probe_connection;
  std::jthread watcher;  // last: it uses everything above
};

}  // namespace dunetrace::store
