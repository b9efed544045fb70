// One client connection: bytes in, one request at a time out, its answer written before the next one is looked at.
// Writes go to a duplicate of the descriptor, so a number that the kernel gives to somebody else never receives them.
// Thread-safe. Internal to http/.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "core/fd.hpp"
#include "core/gate.hpp"
#include "http/byte_budget.hpp"
#include "http/framing.hpp"

namespace dunetrace::http {

class Connection;
using ConnectionPtr = std::shared_ptr<Connection>;
using Steady = std::chrono::steady_clock;

// What a connection asks of its port. Called without any lock of the connection; every function is thread-safe.
class ConnectionHost {
 public:
  virtual ~ConnectionHost() = default;
  // The port answers with Connection::send, now or later, from any thread. `memory` is what the body takes.
  virtual void on_request(const ConnectionPtr& connection, RawRequest request, ByteBudget::Share memory) = 0;
  // The same for input that is no request; the answer must close.
  virtual void on_fault(const ConnectionPtr& connection, Fault fault, RawRequest known) = 0;
  // Whether the body of a request with this head is worth waiting for; without one on_request is called at once, and
  // the connection ends with the answer. Alone among these functions called under the lock: it only looks things up.
  [[nodiscard]] virtual bool takes_body(const RawRequest& head) const = 0;
  // Takes the rest of an answer that the socket did not take. False when it cannot; the connection is then dropped.
  virtual bool write_slowly(const ConnectionPtr& connection, std::size_t bytes) = 0;
};

struct ConnectionLimits {
  FrameLimits frame;
  std::chrono::milliseconds idle_timeout{60'000};
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  enum class Progress : std::uint8_t { done, some, blocked, failed };

  Connection(Fd duplicate, ConnectionLimits limits, std::shared_ptr<ByteBudget> budget, std::string client_address,
             std::shared_ptr<ConnectionHost> host);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Reading thread.
  void feed(std::string_view data);
  // Reading thread: the client sends no more. What it asked already is still answered.
  void input_ended();

  // The whole answer to the current request. `pass` counts the request as in flight until the last byte is written.
  void send(std::string bytes, bool close, Gate::Pass pass);

  // Slow writer only: write_more() until done, then written().
  [[nodiscard]] Progress write_more();
  void written();
  [[nodiscard]] std::size_t output_position() const;
  [[nodiscard]] int fd() const { return fd_.get(); }

  // Ends both directions at once; what is not written is lost.
  void abort();
  // Ends it when the client took too long; true when it did. Called now and then for every connection.
  bool expire(Steady::time_point now);
  // Answered with close and waiting for the client to hang up.
  [[nodiscard]] bool lingering() const;

  [[nodiscard]] const std::string& client_address() const { return client_address_; }

 private:
  using Lock = std::unique_lock<std::mutex>;
  void pump(Lock& lock);
  void compact();
  void hold_received();
  void hand_over_request(Lock& lock, bool whole);
  void hand_over_fault(Lock& lock, Fault fault);
  void answered(Lock& lock);
  void die(Lock& lock);
  Progress write_some();

  const Fd fd_;
  const ConnectionLimits limits_;
  const std::string client_address_;
  const std::shared_ptr<ConnectionHost> host_;

  mutable std::mutex mutex_;
  Framer framer_;
  std::string input_;  // received, not yet given to the framer: grows only while a request is answered
  std::size_t input_at_ = 0;
  ByteBudget::Share memory_;  // for input_ and the body in framer_
  std::string output_;        // the current answer
  std::size_t output_at_ = 0;
  Gate::Pass pass_;
  Steady::time_point deadline_;  // for the client to send something complete, or to hang up
  bool in_flight_ = false;       // a request or fault is with the host
  bool pumping_ = false;         // some thread is in pump()
  bool close_after_ = false;     // the current answer is the last
  bool closing_ = false;         // no more requests: input is thrown away
  bool input_ended_ = false;
  bool no_memory_ = false;  // the budget of the port is used up: what came is lost, the next answer says so
  bool dead_ = false;
};

}  // namespace dunetrace::http
