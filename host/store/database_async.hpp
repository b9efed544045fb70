// A libpq connection on which every wait has a deadline and can be woken, for the health probe and for LISTEN. The
// blocking calls of libpqxx can do neither. For the files of store/ only. One thread at a time.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "core/result.hpp"
#include "store/database_connect.hpp"

struct pg_conn;  // libpq's PGconn

namespace dunetrace::store::detail {

using Deadline = std::chrono::steady_clock::time_point;

// Ends waits of another thread, for good. Thread-safe.
class Waker {
 public:
  Waker();
  ~Waker();
  Waker(const Waker&) = delete;
  Waker& operator=(const Waker&) = delete;
  void wake() const;
  // Waits; true when woken before the time passed.
  [[nodiscard]] bool wait_for(std::chrono::milliseconds time) const;
  [[nodiscard]] int fd() const { return fd_; }

 private:
  int fd_;
};

class AsyncConnection {
 public:
  // To one of the servers that the URL names. Errors: Code::timeout past the deadline, Code::unavailable otherwise
  // (also when woken).
  [[nodiscard]] static Result<AsyncConnection> open(const ConnectInfo& info, Deadline deadline, const Waker& waker);

  // Gives the connection away, in blocking mode. Nothing else may be called afterwards.
  [[nodiscard]] pg_conn* release() &&;

  [[nodiscard]] int socket() const;

  // Runs a statement whose rows do not matter.
  [[nodiscard]] Result<> exec(const std::string& sql, Deadline deadline, const Waker& waker);

  // Waits until notifications came, woken or the deadline passed (then empty). The names may repeat.
  [[nodiscard]] Result<std::vector<std::string>> notifications(Deadline deadline, const Waker& waker);

 private:
  struct Finish {
    void operator()(pg_conn* connection) const;
  };
  [[nodiscard]] static Result<AsyncConnection> open(const ConnectInfo& info, const std::string& text, Deadline deadline,
                                                    const Waker& waker);
  AsyncConnection(const ConnectInfo& info, std::unique_ptr<pg_conn, Finish> connection);
  [[nodiscard]] Result<> finish_connecting(Deadline deadline, const Waker& waker);
  [[nodiscard]] Result<> wait_socket(bool for_write, Deadline deadline, const Waker& waker) const;
  [[nodiscard]] Error failure() const;
  [[nodiscard]] Error connect_failure() const;

  const ConnectInfo* info_;  // owned by the opener, outlives this
  std::unique_ptr<pg_conn, Finish> connection_;
};

}  // namespace dunetrace::store::detail
