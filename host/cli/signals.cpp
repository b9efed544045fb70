#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

#include "cli/host.hpp"

namespace dunetrace::cli {
namespace {

sigset_t stop_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGHUP);  // the terminal went away
  return set;
}

}  // namespace

// Looking at a signalfd without reading it leaves the signal pending.
StopSignalWatch::StopSignalWatch() : end_(::eventfd(0, EFD_CLOEXEC)) {
  const auto set = stop_signals();
  signals_ = ::signalfd(-1, &set, SFD_CLOEXEC);
  DUNE_CHECK(end_ >= 0 && signals_ >= 0, "no file descriptor to watch for signals");
  thread_ = std::jthread([this] {
    std::array<pollfd, 2> items{pollfd{signals_, POLLIN, 0}, pollfd{end_, POLLIN, 0}};
    while (::poll(items.data(), items.size(), -1) < 0 && errno == EINTR) {
    }
    if (items[0].revents != 0) seen_.request_stop();
  });
}

StopSignalWatch::~StopSignalWatch() {
  ::eventfd_write(end_, 1);
  thread_.join();
  ::close(signals_);
  ::close(end_);
}

void block_stop_signals() {
  const auto set = stop_signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

int wait_for_stop_signal() {
  const auto set = stop_signals();
  int signal = 0;
  while (sigwait(&set, &signal) != 0) {
  }
  // From here on the default action: whoever asks twice does not want to wait.
  struct sigaction plain {};
  plain.sa_handler = SIG_DFL;
  sigaction(SIGINT, &plain, nullptr);
  sigaction(SIGTERM, &plain, nullptr);
  sigaction(SIGHUP, &plain, nullptr);
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
  return signal;
}

}  // namespace dunetrace::cli
