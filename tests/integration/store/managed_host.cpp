// A host that is nothing but its database: starts it, says so, and stops it when terminated.
//   managed_host DATA_DIR main|thread
// `thread` starts the server from a thread other than the main one, so that nothing ends it when this process is
// killed.
#include <signal.h>

#include <cstdio>
#include <string>
#include <thread>

#include "store/managed_postgres.hpp"

int main(int argc, char** argv) {
  using namespace dunetrace;
  if (argc != 3) return 2;
  sigset_t terminated;
  sigemptyset(&terminated);
  sigaddset(&terminated, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &terminated, nullptr);

  telemetry::Logger log(telemetry::Level::error);
  Result<std::unique_ptr<store::ManagedPostgres>> server;
  const auto start = [&] { server = store::ManagedPostgres::start({.data_dir = argv[1]}, log); };
  if (std::string(argv[2]) == "thread") {
    std::thread(start).join();
  } else {
    start();
  }
  if (!server) {
    std::printf("failed: %s\n", server.error().text.c_str());
    return 1;
  }
  std::printf("ready: %s\n", (*server)->url().c_str());
  std::fflush(stdout);
  int signal_number = 0;
  sigwait(&terminated, &signal_number);
  return 0;
}
