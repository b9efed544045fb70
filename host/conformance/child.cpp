#include "conformance/child.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "conformance/board.hpp"
#include "core/fd.hpp"
#include "json/writer.hpp"

namespace dunetrace::conformance {
namespace {

constexpr std::size_t kTail = 400;  // of what the child wrote

// The executable with an empty environment in a process group of its own; output into `output`, the page at its place.
int spawn(const std::filesystem::path& executable, const std::vector<std::string>& arguments, int output, int page,
          pid_t& pid) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
  posix_spawn_file_actions_adddup2(&actions, page, kBoardDescriptor);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  posix_spawnattr_setpgroup(&attributes, 0);

  std::vector<char*> argv;
  std::string name = executable.string();
  argv.push_back(name.data());
  auto copies = arguments;
  for (auto& one : copies) argv.push_back(one.data());
  argv.push_back(nullptr);
  char* environment[] = {nullptr};
  const int failed = posix_spawn(&pid, executable.c_str(), &actions, &attributes, argv.data(), environment);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  return failed;
}

// True when it ended by itself.
bool wait_for_end(pid_t pid, std::chrono::steady_clock::time_point until) {
  const Fd handle(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!handle) return true;  // the wait after this one is then without a deadline; kernels below 5.3 only
  for (;;) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now()).count();
    if (left <= 0) return false;
    pollfd waiting{handle.get(), POLLIN, 0};
    const int ready = ::poll(&waiting, 1, static_cast<int>(left));
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return false;
  }
}

std::string tail_of(int output) {
  const auto size = ::lseek(output, 0, SEEK_END);
  if (size <= 0) return {};
  const auto kept = std::min<std::size_t>(static_cast<std::size_t>(size), kTail);
  std::string text(kept, '\0');
  const auto got = ::pread(output, text.data(), kept, size - static_cast<off_t>(kept));
  text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  while (!text.empty() && (text.back() == '\n' || text.back() == '\0')) text.pop_back();
  return json::repair_utf8(text);
}

std::string how_it_ended(int status, bool in_time) {
  if (!in_time) return fmt::format("did not come back within {} s", kChildDeadline.count());
  if (WIFSIGNALED(status)) return fmt::format("was ended by {}", ::strsignal(WTERMSIG(status)));
  return fmt::format("ended the process with exit code {}", WEXITSTATUS(status));
}

std::string advice(int status, bool in_time) {
  if (!in_time) return "look for a loop that does not end; poll cancelled() in long ones";
  if (WIFSIGNALED(status)) return "run it in a debugger: gdb --args dunetrace plugin run FILE.so --run run.json";
  return "a plugin must not end the process: return a negative status instead";
}

}  // namespace

ChildResult run_child(const std::filesystem::path& executable, const std::vector<std::string>& arguments) {
  ChildResult result;
  auto board = Board::create();
  const Fd output(::memfd_create("dunetrace-check-output", MFD_CLOEXEC));
  if (!board || !output) {
    result.finding = failed("the check itself: " + (board ? std::string(std::strerror(errno)) : board.error().text));
    return result;
  }
  const auto started = std::chrono::steady_clock::now();
  pid_t pid = -1;
  if (const int error = spawn(executable, arguments, output.get(), board->descriptor(), pid); error != 0) {
    result.finding = failed(fmt::format("the check itself: {}: {}", executable.string(), std::strerror(error)));
    return result;
  }
  const bool in_time = wait_for_end(pid, started + kChildDeadline);
  ::kill(-pid, SIGKILL);  // it, and whatever it forked
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  result.took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - started);
  result.loaded = board->page().loaded == 1;
  result.kinds = board->page().kinds;
  if (board->finished()) {
    result.finding = board->finding();
    return result;
  }
  const auto doing = board->doing();
  const auto said = tail_of(output.get());
  result.finding = failed(fmt::format("{} while {}{}", how_it_ended(status, in_time),
                                      doing.empty() ? "starting" : doing, said.empty() ? "" : "; it wrote: " + said),
                          advice(status, in_time));
  return result;
}

}  // namespace dunetrace::conformance
