// Other programs as children: started without a shell, as another user if need be, waited for with a deadline. For
// managed_postgres* and its tests. A Process belongs to one thread.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "core/fd.hpp"
#include "core/result.hpp"

namespace dunetrace::store::detail {

struct User {
  uid_t uid = 0;
  gid_t gid = 0;
  std::string name;
};

struct Command {
  std::vector<std::string> argv;          // argv[0] is the path of the program
  std::optional<User> user = {};          // empty = the caller's own
  std::filesystem::path directory = "/";  // where it runs; the caller's own may be closed to `user`
  std::filesystem::path output = {};      // stdout and stderr are appended to it
  bool end_with_caller = false;           // SIGINT when this process dies, however it dies
};

class Process {
 public:
  // The child gets its own session (a terminal's Ctrl-C is for the host alone), a short environment of its own, no
  // descriptor but 0 to 2, and default signals. Errors name the step that failed.
  [[nodiscard]] static Result<Process> start(const Command& command);
  Process(Process&& other) noexcept : pid_(std::exchange(other.pid_, -1)), status_(other.status_) {}
  Process& operator=(Process&&) = delete;
  ~Process();  // kills what still runs

  [[nodiscard]] pid_t pid() const { return pid_; }
  void signal(int number) const;
  // Waits for its end; false when the time passed or a stop was asked for first.
  [[nodiscard]] bool wait_for(std::chrono::milliseconds time, const std::stop_token& stop = {});
  // "exit code 1", "signal 9"; once it ended.
  [[nodiscard]] std::string outcome() const;
  [[nodiscard]] bool succeeded() const;

 private:
  explicit Process(pid_t pid) : pid_(pid) {}
  pid_t pid_;
  std::optional<int> status_;
};

// Waits until a process that need not be a child is gone; false when the time passed or a stop was asked for first.
[[nodiscard]] bool wait_gone(pid_t pid, std::chrono::milliseconds time, const std::stop_token& stop = {});

// Runs a program to its end. Its output (stdout and stderr) when it succeeded, else an error with the last of it; when
// a stop is asked for, the program is ended and the error is Code::unavailable.
[[nodiscard]] Result<std::string> run_to_end(Command command, std::chrono::milliseconds limit,
                                             const std::stop_token& stop = {});

}  // namespace dunetrace::store::detail
