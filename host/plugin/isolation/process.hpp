// A runner process and what it shares with the host: started, watched, ended and reaped here. One thread at a time.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>

#include "core/result.hpp"
#include "plugin/isolation/channel.hpp"
#include "plugin/isolation/region.hpp"
#include "plugin/isolation/runner_options.hpp"

namespace dunetrace::plugin {

// How a process ended.
struct Ending {
  bool killed_here = false;   // by kill(), not on its own account
  std::optional<int> signal;  // or
  int status = 0;
  [[nodiscard]] std::string text() const;  // "crashed (SIGSEGV)", "ended its process with status 3"
};

class Process {
 public:
  // `runs` may be absent. The thread that starts a process must outlive it, or the process ends with the thread.
  [[nodiscard]] static Result<Process> start(const RunnerOptions& options, const Region* runs, const Region& answers);
  Process(Process&& other) noexcept;
  Process& operator=(Process&& other) noexcept;
  ~Process();  // closes the socket, gives it a moment, kills it, reaps it

  [[nodiscard]] Channel& channel() { return channel_; }
  [[nodiscard]] pid_t pid() const { return pid_; }
  // It has ended and is to be reaped.
  [[nodiscard]] bool over() const;
  // Kills it now and reaps it.
  Ending kill();
  // It is gone, or about to be: waits for that, kills it when it takes too long.
  Ending wait(std::chrono::milliseconds limit);
  // Bytes of memory it holds at present, without what the host shares with it; 0 when that is not known, or surely not
  // more than `enough`.
  [[nodiscard]] std::size_t resident_bytes(std::size_t enough) const;

 private:
  Process(pid_t pid, Fd pidfd, Fd socket) : pid_(pid), pidfd_(std::move(pidfd)), channel_(std::move(socket)) {}
  bool reap(std::chrono::milliseconds limit, Ending& ending);
  pid_t pid_ = -1;
  Fd pidfd_;
  Channel channel_;
  std::size_t region_bytes_ = 0;  // that the host shares with it
};

}  // namespace dunetrace::plugin
