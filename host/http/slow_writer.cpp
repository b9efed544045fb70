#include "http/slow_writer.hpp"

#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "core/result.hpp"

namespace dunetrace::http {
namespace {

// A client that takes this much within the timeout may go on: 6 kB/s at 10 s. Without it a large answer over a thin
// line would be cut, and with "any byte counts" a client could hold an answer in memory for ever.
constexpr std::size_t kMinProgressBytes = 64 * 1024;
constexpr int kTickMs = 100;  // how late a deadline may be noticed

// The next pipelined request may run in here. Whatever it throws costs that connection, not the thread of all.
void go_on(Connection& connection) {
  try {
    connection.written();
  } catch (...) {
    connection.abort();
  }
}

}  // namespace

SlowWriter::SlowWriter(Limits limits, std::function<void()> dropped)
    : limits_(limits),
      dropped_(std::move(dropped)),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!epoll_ || !wake_) {
    stopping_ = true;  // out of descriptors at start: no slow client can be served, all others can
    return;
  }
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = wake_.get();
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wake_.get(), &event);
  thread_ = std::thread([this] { run(); });
}

SlowWriter::~SlowWriter() { stop(); }

bool SlowWriter::add(const ConnectionPtr& connection, std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  if (stopping_ || bytes_ + bytes > limits_.max_bytes) return false;
  epoll_event event{};
  event.events = EPOLLOUT;
  event.data.fd = connection->fd();
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, connection->fd(), &event) != 0) return false;
  bytes_ += bytes;
  entries_[connection->fd()] =
      Entry{connection, bytes, connection->output_position(), Steady::now() + limits_.write_timeout};
  wake();
  return true;
}

void SlowWriter::wake() const { ::eventfd_write(wake_.get(), 1); }

void SlowWriter::stop() {
  std::unordered_map<int, Entry> left;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    left.swap(entries_);
    bytes_ = 0;
  }
  if (thread_.joinable()) {
    wake();
    thread_.join();
  }
  for (auto& [fd, entry] : left) {
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
    entry.connection->abort();
  }
}

void SlowWriter::run() {
  std::array<epoll_event, 64> events{};
  for (;;) {
    bool busy = false;
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return;
      busy = !entries_.empty();
    }
    const int n = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), busy ? kTickMs : -1);
    for (int i = 0; i < n; ++i) {
      const int fd = events[static_cast<std::size_t>(i)].data.fd;
      if (fd == wake_.get()) {
        eventfd_t count = 0;
        ::eventfd_read(fd, &count);
      } else {
        on_writable(fd);
      }
    }
    drop_late(Steady::now());
  }
}

// The connection is called without our lock: it may come back with its next answer.
void SlowWriter::on_writable(int fd) {
  ConnectionPtr connection;
  {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(fd);
    if (found == entries_.end()) return;
    connection = found->second.connection;
  }
  switch (connection->write_more()) {
    case Connection::Progress::blocked:
      return;
    case Connection::Progress::failed:
      if (remove(fd)) connection->abort();
      return;
    case Connection::Progress::done:
      if (remove(fd)) go_on(*connection);
      return;
    case Connection::Progress::some:
      break;
  }
  const auto position = connection->output_position();
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(fd);
  if (found == entries_.end() || position - found->second.written_mark < kMinProgressBytes) return;
  found->second.written_mark = position;
  found->second.deadline = Steady::now() + limits_.write_timeout;
}

void SlowWriter::drop_late(Steady::time_point now) {
  std::vector<int> late;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [fd, entry] : entries_) {
      if (entry.deadline < now) late.push_back(fd);
    }
  }
  for (const int fd : late) {
    if (const auto connection = remove(fd)) {
      connection->abort();
      dropped_();
    }
  }
}

ConnectionPtr SlowWriter::remove(int fd) {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(fd);
  if (found == entries_.end()) return nullptr;
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
  bytes_ -= found->second.bytes;
  auto connection = std::move(found->second.connection);
  entries_.erase(found);
  return connection;
}

}  // namespace dunetrace::http
