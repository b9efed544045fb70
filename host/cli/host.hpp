// The running host: the chosen roles composed in one process, in the order in which they need each other.
#pragma once

#include <chrono>
#include <memory>
#include <set>
#include <stop_token>
#include <string>
#include <thread>

#include "cli/setup.hpp"
#include "core/clock.hpp"
#include "core/result.hpp"

namespace dunetrace::cli {

struct Ports {
  std::uint16_t ingest = 0, api = 0, dashboard = 0;  // 0 = this role does not run here
};

class Host {
 public:
  struct Options {
    std::set<std::string> roles;  // of kRoles
    std::string database_url;
    std::chrono::seconds database_patience{30};  // waiting for a server that is starting up
    std::stop_token stop = {};                   // ends a start that is under way
  };
  static constexpr const char* kRoles[] = {"ingest", "detect", "alerts", "api", "dashboard"};

  // Everything runs when it returns. `setup`, `live` and `log` outlive the host.
  [[nodiscard]] static Result<std::unique_ptr<Host>> start(const Setup& setup, plugin::Live& live, Options options,
                                                           telemetry::Logger& log);
  ~Host();  // stop() with a limit of 2 s, unless it was called
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;

  [[nodiscard]] const Ports& ports() const;
  // No run has ever been stored.
  [[nodiscard]] Result<bool> empty();
  // Whether every run that is due has been judged; and how long open runs are waited for (see detect::Role).
  [[nodiscard]] Result<bool> idle();
  void set_stall_timeout(std::chrono::milliseconds timeout);
  // empty() and idle() fail from now on, also where another thread waits for them.
  void refuse_questions();
  // Stops taking requests, lets everything that was accepted reach the database, ends the roles. False when `limit`
  // passed before all of it was stored. Returns within a second of the limit, also when the database answers nothing.
  bool stop(std::chrono::milliseconds limit);

 private:
  struct Impl;
  explicit Host(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Writes {"ingest": n, "api": n, "dashboard": n} to data_dir/ports.json, whole or not at all. Both functions are for
// whoever holds the lock of the directory (store::DataDirLock).
[[nodiscard]] Result<> write_ports(const Ports& ports, const std::filesystem::path& data_dir);

// Whoever finds the file finds a host that is up.
void remove_ports(const std::filesystem::path& data_dir);

// Blocks SIGINT, SIGTERM and SIGHUP for this thread and those it starts later; call it before any thread exists.
void block_stop_signals();
// Waits for one of them; a second one ends the process at once.
int wait_for_stop_signal();

// Sets its token when one of them has come, without taking it from wait_for_stop_signal(): for a start, which has much
// to wait for. After block_stop_signals().
class StopSignalWatch {
 public:
  StopSignalWatch();
  ~StopSignalWatch();
  StopSignalWatch(const StopSignalWatch&) = delete;
  StopSignalWatch& operator=(const StopSignalWatch&) = delete;
  [[nodiscard]] std::stop_token token() const { return seen_.get_token(); }

 private:
  std::stop_source seen_;
  int end_ = -1;
  int signals_ = -1;
  std::jthread thread_;
};

}  // namespace dunetrace::cli
