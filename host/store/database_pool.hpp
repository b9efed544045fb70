// The inside of Database: the connections, and the knowledge whether the server is there. For database.cpp and
// session.cpp. Thread-safe; a Lease belongs to one thread.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <pqxx/pqxx>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "core/fd.hpp"
#include "core/result.hpp"
#include "store/database.hpp"
#include "store/database_async.hpp"
#include "store/database_connect.hpp"

namespace dunetrace::store {

// A connection of libpqxx on one that libpq has made already: so nothing in libpqxx waits for a server to answer
// while connecting. `socket` is a second descriptor of it, which stays valid whatever libpq does meanwhile.
class PooledConnection {
 public:
  explicit PooledConnection(detail::AsyncConnection made);
  [[nodiscard]] pqxx::connection_base& base() { return *connection_; }
  [[nodiscard]] int socket() const { return socket_.get(); }
  // Ends the connection; the descriptor lives on until the caller has forgotten its number.
  [[nodiscard]] Fd close();

 private:
  class Made : public pqxx::connectionpolicy {
   public:
    explicit Made(pg_conn* connection) : connectionpolicy(""), connection_(connection) {}
    handle do_startconnect(handle present) override {
      return present != nullptr ? present : std::exchange(connection_, nullptr);
    }

   private:
    pg_conn* connection_;
  };
  class Connection : public pqxx::connection_base {
   public:
    explicit Connection(Made& made) : connection_base(made) { init(); }
    ~Connection() noexcept { close(); }
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;
  };

  Fd socket_;
  Made made_;
  std::unique_ptr<Connection> connection_;
};

struct Database::Impl {
  // One connection for one transaction. It goes back to the pool unless it was dropped.
  class Lease {
   public:
    Lease(Impl& pool, std::unique_ptr<PooledConnection> connection, bool reused)
        : pool_(&pool), connection_(std::move(connection)), reused_(reused) {}
    Lease(Lease&& other) noexcept = default;
    Lease& operator=(Lease&&) = delete;
    ~Lease() {
      if (connection_) pool_->give_back(std::move(connection_));
    }
    [[nodiscard]] pqxx::connection_base& connection() const { return connection_->base(); }
    [[nodiscard]] bool reused() const { return reused_; }  // was idle before: the server may have closed it meanwhile
    void drop() { pool_->discard(std::move(connection_)); }

   private:
    Impl* pool_;
    std::unique_ptr<PooledConnection> connection_;
    bool reused_;
  };

  Impl(const DatabaseOptions& options, telemetry::Logger& log, telemetry::Metrics& metrics);
  ~Impl();
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  [[nodiscard]] Result<Lease> lease();
  void interrupt();
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
  std::atomic<std::uint64_t> sessions{0};  // made so far; the probe's do not count

 private:
  [[nodiscard]] Result<> ask_server(detail::Deadline deadline);
  [[nodiscard]] Result<std::unique_ptr<PooledConnection>> connect();
  void give_back(std::unique_ptr<PooledConnection> connection);
  void discard(std::unique_ptr<PooledConnection> connection);
  void watch(const std::stop_token& stop);

  detail::Waker waker;  // set when the Database ends or is interrupted
  std::mutex mutex;
  std::condition_variable freed;
  std::vector<std::unique_ptr<PooledConnection>> idle;
  std::vector<int> leased;  // sockets of the others, for interrupt()
  int open = 0;             // idle and leased
  std::atomic<std::chrono::steady_clock::rep> last_success{0};
  std::atomic<bool> state_known{false};
  std::atomic<bool> interrupted{false};  // changed under `mutex`

  std::mutex probe_mutex;
  std::condition_variable probe_done;
  bool probing = false;  // whoever set it owns probe_connection
  std::optional<detail::AsyncConnection> probe_connection;
  std::jthread watcher;  // last: it uses everything above
};

}  // namespace dunetrace::store
