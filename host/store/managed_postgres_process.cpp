#include "store/managed_postgres_process.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>

#include "core/turns.hpp"

namespace dunetrace::store::detail {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr auto kCleanUpLimit = 1s;  // a program that was told to end may remove what it has begun

enum class Step : int { session, groups, group, user, directory, output, exec };

const char* text(Step step) {
  switch (step) {
    case Step::session:
      return "setsid";
    case Step::groups:
      return "setgroups";
    case Step::group:
      return "setgid";
    case Step::user:
      return "setuid";
    case Step::directory:
      return "chdir";
    case Step::output:
      return "opening its output";
    case Step::exec:
      return "exec";
  }
  return "start";
}

struct Report {
  Step step = Step::exec;
  int error = 0;
};

// Everything the child needs, made before the fork: after it, only async-signal-safe calls are allowed.
struct Plan {
  std::vector<char*> argv;
  std::vector<char*> environment;
  const char* directory;
  int output;
  const User* user;
  bool end_with_caller;
  pid_t caller;
  int report;
};

[[noreturn]] void give_up(const Plan& plan, Step step) {
  const Report report{step, errno};
  [[maybe_unused]] const auto written = ::write(plan.report, &report, sizeof report);
  ::_exit(127);
}

[[noreturn]] void become(const Plan& plan) {
  if (::setsid() < 0) give_up(plan, Step::session);
  take_turns(kLongTurns);  // a server stores in bulk beside threads that clients wait for
  struct sigaction plain {};
  plain.sa_handler = SIG_DFL;
  for (int number = 1; number < NSIG; ++number) ::sigaction(number, &plain, nullptr);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  if (plan.user != nullptr) {
    if (::setgroups(1, &plan.user->gid) != 0) give_up(plan, Step::groups);
    if (::setgid(plan.user->gid) != 0) give_up(plan, Step::group);
    if (::setuid(plan.user->uid) != 0) give_up(plan, Step::user);
  }
  if (plan.end_with_caller) {  // after setuid, which clears it
    ::prctl(PR_SET_PDEATHSIG, SIGINT);
    if (::getppid() != plan.caller) ::_exit(127);
  }
  if (::chdir(plan.directory) != 0) give_up(plan, Step::directory);
  const int nothing = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (nothing < 0 || ::dup2(nothing, 0) < 0 || ::dup2(plan.output, 1) < 0 || ::dup2(plan.output, 2) < 0) {
    give_up(plan, Step::output);
  }
  // Descriptors of libraries that were opened without CLOEXEC would live as long as the child.
  if (plan.report > 3) ::syscall(SYS_close_range, 3, plan.report - 1, 0);
  ::syscall(SYS_close_range, plan.report + 1, ~0U, 0);
  ::execve(plan.argv[0], plan.argv.data(), plan.environment.data());
  give_up(plan, Step::exec);
}

// Not the caller's environment: PG* variables and LD_PRELOAD would change what is started.
std::vector<std::string> environment_for(const Command& command) {
  const auto folder = std::filesystem::path(command.argv[0]).parent_path().string();
  return {"PATH=" + folder + ":/usr/bin:/bin", "LC_ALL=C", "TZ=UTC", "HOME=/"};
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> list;
  list.reserve(texts.size() + 1);
  for (auto& item : texts) list.push_back(item.data());
  list.push_back(nullptr);
  return list;
}

int milliseconds_until(Clock::time_point deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
  return static_cast<int>(std::max<std::int64_t>(left, 0));
}

// Waits on the process itself where the kernel offers that (5.3), else looks every 20 ms; looks after `stop` every 50
// ms.
template <class Gone>
bool wait_until_gone(pid_t pid, Clock::time_point deadline, const std::stop_token& stop, Gone gone) {
  const Fd handle(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  while (!gone()) {
    const int left = milliseconds_until(deadline);
    if (left == 0 || stop.stop_requested()) return false;
    const int slice = !handle ? 20 : stop.stop_possible() ? 50 : left;
    pollfd item{handle.get(), POLLIN, 0};  // a negative descriptor is ignored by poll
    ::poll(&item, 1, std::min(left, slice));
  }
  return true;
}

}  // namespace

Result<Process> Process::start(const Command& command) {
  DUNE_CHECK(!command.argv.empty(), "a command has a program");
  const auto output_path = command.output.empty() ? std::string("/dev/null") : command.output.string();
  const Fd output(::open(output_path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640));
  if (!output) {
    return fail(Code::internal, fmt::format("{} cannot be written: {}", output_path, std::strerror(errno)));
  }
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return fail(Code::internal, "no pipe for a child process");
  const Fd read_end(ends[0]);
  Fd write_end(ends[1]);

  auto argv = command.argv;
  auto environment = environment_for(command);
  const auto directory = command.directory.string();
  // The kernel sends the death signal when the starting *thread* ends, so only the main thread may ask for it.
  const bool main_thread = ::syscall(SYS_gettid) == ::getpid();
  const Plan plan{pointers(argv),
                  pointers(environment),
                  directory.c_str(),
                  output.get(),
                  command.user ? &*command.user : nullptr,
                  command.end_with_caller && main_thread,
                  ::getpid(),
                  write_end.get()};
  const pid_t pid = ::fork();
  if (pid < 0) return fail(Code::internal, fmt::format("fork failed: {}", std::strerror(errno)));
  if (pid == 0) become(plan);
  Process process(pid);
  write_end = Fd();
  Report report;
  ssize_t got = 0;
  do {
    got = ::read(read_end.get(), &report, sizeof report);
  } while (got < 0 && errno == EINTR);
  if (got == static_cast<ssize_t>(sizeof report)) {
    return fail(Code::internal,
                fmt::format("{} cannot be started: {}: {}", argv[0], text(report.step), std::strerror(report.error)));
  }
  return process;
}

Process::~Process() {
  if (pid_ < 0 || status_) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

void Process::signal(int number) const {
  if (pid_ > 0 && !status_) ::kill(pid_, number);
}

bool Process::wait_for(std::chrono::milliseconds time, const std::stop_token& stop) {
  return wait_until_gone(pid_, Clock::now() + time, stop, [this] {
    int status = 0;
    if (!status_ && ::waitpid(pid_, &status, WNOHANG) == pid_) status_ = status;
    return status_.has_value();
  });
}

std::string Process::outcome() const {
  if (!status_) return "still running";
  return WIFEXITED(*status_) ? fmt::format("exit code {}", WEXITSTATUS(*status_))
                             : fmt::format("signal {}", WTERMSIG(*status_));
}

bool Process::succeeded() const { return status_ && WIFEXITED(*status_) && WEXITSTATUS(*status_) == 0; }

bool wait_gone(pid_t pid, std::chrono::milliseconds time, const std::stop_token& stop) {
  return wait_until_gone(pid, Clock::now() + time, stop, [pid] {
    if (::kill(pid, 0) != 0 && errno == ESRCH) return true;
    // Dead is gone, also where nobody collects it: the first process of a container often does not.
    std::ifstream in(fmt::format("/proc/{}/stat", pid));
    std::string line;
    std::getline(in, line);
    const auto name_end = line.rfind(')');
    return name_end == std::string::npos || line.compare(name_end, 3, ") Z") == 0;
  });
}

Result<std::string> run_to_end(Command command, std::chrono::milliseconds limit, const std::stop_token& stop) {
  const Fd file(::memfd_create("output", MFD_CLOEXEC));
  if (!file) return fail(Code::internal, "no memory file for the output of a child process");
  command.output = fmt::format("/proc/self/fd/{}", file.get());
  DUNE_TRY(process, Process::start(command));
  const bool ended = process.wait_for(limit, stop);
  if (!ended && stop.stop_requested()) {
    process.signal(SIGTERM);
    if (!process.wait_for(kCleanUpLimit)) process.signal(SIGKILL);
    return fail(Code::unavailable, "stopped while starting");
  }
  std::string output;
  std::array<char, 4096> chunk{};
  for (off_t at = 0;; at += static_cast<off_t>(chunk.size())) {
    const auto got = ::pread(file.get(), chunk.data(), chunk.size(), at);
    if (got <= 0) break;
    output.append(chunk.data(), static_cast<std::size_t>(got));
  }
  const auto name = std::filesystem::path(command.argv[0]).filename().string();
  if (!ended) return fail(Code::timeout, fmt::format("{} took longer than {} ms", name, limit.count()));
  if (process.succeeded()) return output;
  constexpr std::size_t kShown = 300;
  return fail(Code::internal, fmt::format("{} failed with {}: {}", name, process.outcome(),
                                          output.size() > kShown ? output.substr(output.size() - kShown) : output));
}

}  // namespace dunetrace::store::detail
