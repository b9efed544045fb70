#include <pthread.h>
#include <unistd.h>

#include <csignal>
#include <thread>

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
