#include "load/client.hpp"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <deque>
#include <optional>

#include "core/turns.hpp"

namespace dunetrace::load {
namespace {

using Steady = std::chrono::steady_clock;
using Nanoseconds = std::chrono::nanoseconds;

constexpr auto kAnswerLimit = std::chrono::seconds(20);    // for what is in flight at the end
constexpr auto kLookEvery = std::chrono::milliseconds(5);  // at how much is visible

struct Answer {
  int status = 0;
  std::string_view body;
};

// The first whole answer in `input`, and how long it is; they all have a Content-Length.
std::optional<Answer> whole_answer(std::string_view input, std::size_t& length) {
  constexpr std::string_view kLength = "\r\nContent-Length: ";
  const auto head = input.find("\r\n\r\n");
  const auto field = input.find(kLength);
  if (head == std::string_view::npos || field == std::string_view::npos || field > head || input.size() < 12) return {};
  std::size_t size = 0;
  std::from_chars(input.data() + field + kLength.size(), input.data() + head, size);
  length = head + 4 + size;
  if (input.size() < length) return {};
  Answer answer;
  std::from_chars(input.data() + 9, input.data() + 12, answer.status);
  answer.body = input.substr(head + 4, size);
  return answer;
}

std::string_view batch_id_of(std::string_view body) {
  constexpr std::string_view kName = R"("batch_id":")";
  const auto at = body.find(kName);
  return at == std::string_view::npos ? std::string_view() : body.substr(at + kName.size(), 36);
}

class Connection {
 public:
  explicit Connection(int fd) : fd_(fd) {}
  ~Connection() { ::close(fd_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  [[nodiscard]] int fd() const { return fd_; }

  // False when the connection is broken; a remainder goes with continue_sending().
  bool send(std::string_view body, std::size_t events, Steady::time_point due) {
    out_ = "POST /v1/ingest HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ";
    out_.append(std::to_string(body.size())).append("\r\n\r\n").append(body);
    out_at_ = 0;
    events_ = events;
    due_ = due;
    return continue_sending();
  }

  bool continue_sending() {
    while (out_at_ < out_.size()) {
      const auto n = ::send(fd_, out_.data() + out_at_, out_.size() - out_at_, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return errno == EAGAIN;
      out_at_ += static_cast<std::size_t>(n);
    }
    return true;
  }

  // Reads what is there; false when the connection is broken.
  bool receive() {
    std::array<char, 4096> buffer;
    const auto n = ::recv(fd_, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (n < 0) return errno == EAGAIN || errno == EINTR;
    in_.append(buffer.data(), static_cast<std::size_t>(n));
    return n > 0;
  }

  std::optional<Answer> answer() { return whole_answer(in_, in_length_); }
  void answered() { in_.erase(0, in_length_); }
  [[nodiscard]] std::size_t events() const { return events_; }
  [[nodiscard]] Steady::time_point due() const { return due_; }

  bool busy = false;    // has an unanswered request
  bool closed = false;  // by the server, or never answered as expected

 private:
  const int fd_;
  std::string out_, in_;
  std::size_t out_at_ = 0, in_length_ = 0, events_ = 0;
  Steady::time_point due_;
};

int connected(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int on = 1;
  if (fd >= 0) ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (fd >= 0 && ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return fd;
  if (fd >= 0) ::close(fd);
  return -1;
}

class Client {
 public:
  Client(std::vector<Batch>& batches, const ClientOptions& options) : batches_(batches), options_(options) {
    if (options.requests_per_s > 0) interval_ = Nanoseconds(static_cast<std::int64_t>(1e9 / options.requests_per_s));
  }
  ~Client() { ::close(epoll_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  Result<> connect() {
    for (std::size_t i = 0; i < options_.connections; ++i) {
      const int fd = connected(options_.port);
      if (fd < 0) return fail(Code::unavailable, "port " + std::to_string(options_.port) + ": " + std::strerror(errno));
      connections_.push_back(std::make_unique<Connection>(fd));
      epoll_event event{.events = EPOLLIN | EPOLLOUT | EPOLLET, .data = {.ptr = connections_.back().get()}};
      ::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
      idle_.push_back(connections_.back().get());
    }
    return {};
  }

  ClientReport run() {
    // An answer that lies there while somebody else has the processor would be counted as one that came late.
    take_turns(kShortTurns);
    begin_ = next_due_ = last_answer_ = Steady::now();
    end_ = begin_ + Nanoseconds(static_cast<std::int64_t>(options_.seconds * 1e9));
    while (true) {
      const auto now = Steady::now();
      send_due(now);
      const bool over = now >= end_ && due_.empty() && busy_ == 0;
      if (over || now >= end_ + kAnswerLimit || (idle_.empty() && busy_ == 0)) break;
      wait(now);
    }
    report_.others[0] += busy_;  // those that never came
    report_.seconds = std::chrono::duration<double>(last_answer_ - begin_).count();
    if (report_.others[0] == 0) report_.others.erase(0);
    return std::move(report_);
  }

 private:
  void send_due(Steady::time_point now) {
    if (interval_.count() == 0) {
      if (options_.most_behind > 0) look(now);
      while (now < end_ && !idle_.empty() && !behind()) send_next(now);
      return;
    }
    for (; next_due_ <= now && next_due_ < end_; next_due_ += interval_) due_.push_back(next_due_);
    while (!due_.empty() && !idle_.empty()) {
      send_next(due_.front());
      due_.pop_front();
    }
    report_.most_waiting = std::max<std::uint64_t>(report_.most_waiting, due_.size());
  }

  void look(Steady::time_point now) {
    if (now < next_look_) return;
    visible_ = options_.visible();
    next_look_ = Steady::now() + kLookEvery;
  }

  [[nodiscard]] bool behind() const {
    return options_.most_behind > 0 && sent_events_ > visible_ + options_.most_behind;
  }

  void send_next(Steady::time_point due) {
    auto& connection = *idle_.front();  // in turn, so every connection is used
    idle_.pop_front();
    connection.busy = true;
    auto& batch = batches_[next_batch_];
    const auto lap = options_.first_lap + lap_;
    if (++next_batch_ == batches_.size()) next_batch_ = 0, ++lap_;
    ++busy_;
    sent_events_ += batch.events;
    if (!connection.send(batch.body.of_lap(lap), batch.events, due)) broken(connection);
  }

  void wait(Steady::time_point now) {
    auto until = now + std::chrono::milliseconds(20);
    if (now < end_) until = std::min(until, end_);
    if (interval_.count() > 0 && next_due_ < end_) until = std::min(until, next_due_);
    if (options_.most_behind > 0) until = std::min(until, std::max(next_look_, now));
    const auto left = std::max(until - now, Steady::duration(0));
    const timespec limit{left.count() / 1'000'000'000, left.count() % 1'000'000'000};
    std::array<epoll_event, 64> events;
    const int n = ::epoll_pwait2(epoll_, events.data(), static_cast<int>(events.size()), &limit, nullptr);
    for (int i = 0; i < n; ++i) serve(*static_cast<Connection*>(events[static_cast<std::size_t>(i)].data.ptr));
  }

  void serve(Connection& connection) {
    if (connection.closed) return;
    if (!connection.continue_sending() || !connection.receive()) return broken(connection);
    const auto answer = connection.answer();
    if (!answer || !connection.busy) return;
    last_answer_ = Steady::now();
    if (answer->status == 202) {
      report_.batches.push_back({std::string(batch_id_of(answer->body)), connection.events()});
      report_.events += connection.events();
      report_.latencies_ms.push_back(
          std::chrono::duration<double, std::milli>(last_answer_ - connection.due()).count());
    } else {
      ++report_.others[answer->status];
      sent_events_ -= connection.events();
    }
    connection.answered();
    connection.busy = false;
    --busy_;
    idle_.push_back(&connection);
  }

  void broken(Connection& connection) {
    connection.closed = true;
    if (connection.busy) {
      ++report_.others[0];
      --busy_;
      sent_events_ -= connection.events();
    }
    std::erase(idle_, &connection);
    ::epoll_ctl(epoll_, EPOLL_CTL_DEL, connection.fd(), nullptr);
  }

  std::vector<Batch>& batches_;
  const ClientOptions& options_;
  const int epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
  std::vector<std::unique_ptr<Connection>> connections_;
  std::deque<Connection*> idle_;
  std::size_t busy_ = 0, next_batch_ = 0;
  std::uint32_t lap_ = 0;
  std::uint64_t sent_events_ = 0, visible_ = 0;
  Nanoseconds interval_{0};
  Steady::time_point begin_, end_, next_due_, last_answer_, next_look_;
  std::deque<Steady::time_point> due_;
  ClientReport report_;
};

}  // namespace

Result<ClientReport> run_client(std::vector<Batch>& batches, const ClientOptions& options) {
  Client client(batches, options);
  DUNE_TRY_VOID(client.connect());
  return client.run();
}

}  // namespace dunetrace::load
