#include "http/connection.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

namespace dunetrace::http {
namespace {

constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
constexpr std::size_t kKeepBytes = 64 * 1024;      // larger buffers are given back after use
constexpr auto kLinger = std::chrono::seconds(5);  // for the client to read the last answer; a flood ends here too

}  // namespace

Connection::Connection(Fd duplicate, ConnectionLimits limits, std::shared_ptr<ByteBudget> budget,
                       std::string client_address, std::shared_ptr<ConnectionHost> host)
    : fd_(std::move(duplicate)),
      limits_(limits),
      client_address_(std::move(client_address)),
      host_(std::move(host)),
      framer_(limits.frame),
      memory_(std::move(budget)),
      deadline_(Steady::now() + limits.idle_timeout) {}

void Connection::feed(std::string_view data) {
  Lock lock(mutex_);
  if (dead_) return;
  if (closing_) {
    if (Steady::now() > deadline_ && !in_flight_) die(lock);
    return;
  }
  if (no_memory_) return;
  // One request of the largest size may wait behind the one that is being answered.
  const auto most = limits_.frame.max_header_bytes + limits_.frame.max_body_bytes + kKeepBytes;
  if (in_flight_ && input_.size() - input_at_ + data.size() > most) return die(lock);
  input_.append(data);
  if (in_flight_ || pumping_) hold_received();
  pump(lock);
}

void Connection::input_ended() {
  Lock lock(mutex_);
  input_ended_ = true;
  if (!in_flight_ && !pumping_) die(lock);
}

// Gives requests to the host until one of them is not answered at once. Only one thread is in here; others leave
// their input behind and the loop finds it, because it looks again under the lock.
void Connection::pump(Lock& lock) {
  if (pumping_) return;
  pumping_ = true;
  const auto self = shared_from_this();
  while (!in_flight_ && !closing_ && !dead_ && (no_memory_ || input_at_ < input_.size())) {
    if (!no_memory_) {
      input_at_ += framer_.feed(std::string_view(input_).substr(input_at_));
      compact();
      hold_received();
    }
    if (no_memory_) {
      hand_over_fault(lock, Fault::memory);
    } else if (framer_.state() == Framer::State::fault) {
      hand_over_fault(lock, framer_.fault());
    } else if (framer_.state() == Framer::State::complete) {
      hand_over_request(lock, true);
    } else if (const auto* const head = framer_.take_head(); head != nullptr && !host_->takes_body(*head)) {
      hand_over_request(lock, false);
    } else if (framer_.take_continue()) {
      // Nothing else can be on its way to the client now, so 25 bytes fit or the connection is lost anyway.
      static_cast<void>(::send(fd_.get(), kContinue.data(), kContinue.size(), MSG_NOSIGNAL | MSG_DONTWAIT));
    }
  }
  pumping_ = false;
  if (input_ended_ && !in_flight_) die(lock);
}

void Connection::compact() {
  if (input_at_ == input_.size()) {
    input_.clear();
    input_at_ = 0;
    if (input_.capacity() > kKeepBytes) input_.shrink_to_fit();
  } else if (input_at_ > kKeepBytes && input_at_ > input_.size() / 2) {
    input_.erase(0, input_at_);
    input_at_ = 0;
  }
}

// Counts what this connection keeps for requests that are not complete or not looked at; lets go of it when the budget
// is used up. What the client asked before is still answered.
void Connection::hold_received() {
  if (memory_.resize(framer_.body_bytes() + input_.size() - input_at_)) return;
  no_memory_ = true;
  input_ = std::string();
  input_at_ = 0;
  memory_.release();
}

// A request that is not whole is the last one: its body is never read.
void Connection::hand_over_request(Lock& lock, bool whole) {
  in_flight_ = true;
  auto request = framer_.take();
  if (!whole) {
    closing_ = true;
    input_ = std::string();
    input_at_ = 0;
    request.body = std::string();
    request.keep_alive = false;
  }
  auto memory = memory_.take_all();
  static_cast<void>(memory.resize(request.body.size()));
  hold_received();
  lock.unlock();
  host_->on_request(shared_from_this(), std::move(request), std::move(memory));
  lock.lock();
}

void Connection::hand_over_fault(Lock& lock, Fault fault) {
  in_flight_ = true;
  closing_ = true;
  input_ = std::string();
  input_at_ = 0;
  auto known = framer_.take();
  known.body = std::string();
  memory_.release();
  lock.unlock();
  host_->on_fault(shared_from_this(), fault, std::move(known));
  lock.lock();
}

void Connection::send(std::string bytes, bool close, Gate::Pass pass) {
  Lock lock(mutex_);
  if (dead_ || !in_flight_) return;
  output_ = std::move(bytes);
  output_at_ = 0;
  pass_ = std::move(pass);
  close_after_ = close;
  if (close) closing_ = true;
  switch (write_some()) {
    case Progress::done:
      return answered(lock);
    case Progress::failed:
      return die(lock);
    case Progress::some:
    case Progress::blocked:
      break;
  }
  const auto left = output_.size() - output_at_;
  lock.unlock();
  if (!host_->write_slowly(shared_from_this(), left)) abort();
}

Connection::Progress Connection::write_some() {
  const auto before = output_at_;
  while (output_at_ < output_.size()) {
    const auto n =
        ::send(fd_.get(), output_.data() + output_at_, output_.size() - output_at_, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n >= 0) {
      output_at_ += static_cast<std::size_t>(n);
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      return output_at_ > before ? Progress::some : Progress::blocked;
    } else if (errno != EINTR) {
      return Progress::failed;
    }
  }
  return Progress::done;
}

Connection::Progress Connection::write_more() {
  const Lock lock(mutex_);
  return dead_ ? Progress::failed : write_some();
}

std::size_t Connection::output_position() const {
  const Lock lock(mutex_);
  return output_at_;
}

void Connection::written() {
  Lock lock(mutex_);
  if (!dead_) answered(lock);
}

void Connection::answered(Lock& lock) {
  output_.clear();
  if (output_.capacity() > kKeepBytes) output_.shrink_to_fit();
  // Held to the end of this call: the requests behind this one may be served by this very thread, which may not be one
  // of the server, and a drain must not end before that.
  const auto pass = std::move(pass_);
  in_flight_ = false;
  if (close_after_) {
    ::shutdown(fd_.get(), SHUT_WR);
    deadline_ = Steady::now() + std::min<Steady::duration>(kLinger, limits_.idle_timeout);
    if (input_ended_) die(lock);
    return;
  }
  deadline_ = Steady::now() + limits_.idle_timeout;
  pump(lock);
}

void Connection::abort() {
  Lock lock(mutex_);
  die(lock);
}

// The transport sees the end of the stream and lets go of its own descriptor.
void Connection::die(Lock&) {
  if (std::exchange(dead_, true)) return;
  closing_ = true;
  in_flight_ = false;
  ::shutdown(fd_.get(), SHUT_RDWR);
  input_ = std::string();
  input_at_ = 0;
  static_cast<void>(framer_.take());
  memory_.release();
  output_ = std::string();
  pass_ = Gate::Pass();
}

bool Connection::expire(Steady::time_point now) {
  Lock lock(mutex_);
  if (dead_ || in_flight_ || pumping_ || now < deadline_) return false;
  if (!closing_ && framer_.inside_request()) {
    hand_over_fault(lock, Fault::timeout);
  } else {
    die(lock);
  }
  return true;
}

bool Connection::lingering() const {
  const Lock lock(mutex_);
  return closing_ && !in_flight_ && !dead_;
}

}  // namespace dunetrace::http
