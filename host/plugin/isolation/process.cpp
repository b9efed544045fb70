#include "plugin/isolation/process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "plugin/isolation/child.hpp"

namespace dunetrace::plugin {
namespace {

constexpr std::chrono::milliseconds kPatience{100};     // for a runner to end by itself
constexpr std::chrono::milliseconds kReapLimit{2'000};  // a killed process ends as soon as the kernel gets to it
constexpr int kAboveTheirs = 16;                        // descriptors here that must not be in the way of theirs

constexpr rlim_t kDescriptorReserve = 256;  // that runners leave to connections, the database and files

// A copy that no dup2() to the runner's numbers can overwrite.
Fd aside(int fd) { return Fd(::fcntl(fd, F_DUPFD_CLOEXEC, kAboveTheirs)); }

// The kernel gives out the lowest number that is free, so `fresh` says how many are taken.
Result<> check_reserve(int fresh) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return {};
  const auto reserve = std::min<rlim_t>(kDescriptorReserve, limit.rlim_cur / 2);
  if (static_cast<rlim_t>(fresh) < limit.rlim_cur - reserve) return {};
  return fail(Code::unavailable,
              "no more plugin runners: about " + std::to_string(fresh) + " of " + std::to_string(limit.rlim_cur) +
                  " descriptors are in use, and the last " + std::to_string(reserve) +
                  " are kept for connections; raise the limit of open files (ulimit -n, LimitNOFILE=)");
}

class Actions {
 public:
  Actions() {
    ::posix_spawn_file_actions_init(&actions_);
    ::posix_spawnattr_init(&attributes_);
  }
  Actions(const Actions&) = delete;
  Actions& operator=(const Actions&) = delete;
  ~Actions() {
    ::posix_spawn_file_actions_destroy(&actions_);
    ::posix_spawnattr_destroy(&attributes_);
  }
  // Zero when all of it could be prepared.
  int prepare(int socket, int runs, int answers) {
    int failed = 0;
    const auto check = [&](int result) { failed = failed == 0 ? result : failed; };
    check(::posix_spawn_file_actions_addopen(&actions_, 0, "/dev/null", O_RDONLY, 0));
    check(::posix_spawn_file_actions_addopen(&actions_, 1, "/dev/null", O_WRONLY, 0));
    check(::posix_spawn_file_actions_adddup2(&actions_, 1, 2));
    check(::posix_spawn_file_actions_adddup2(&actions_, socket, kChannelFd));
    check(::posix_spawn_file_actions_adddup2(&actions_, runs, kRunRegionFd));
    check(::posix_spawn_file_actions_adddup2(&actions_, answers, kAnswerRegionFd));
    check(::posix_spawn_file_actions_addclosefrom_np(&actions_, kAnswerRegionFd + 1));
    sigset_t none;
    sigset_t all;
    ::sigemptyset(&none);
    ::sigfillset(&all);
    check(::posix_spawnattr_setsigmask(&attributes_, &none));
    check(::posix_spawnattr_setsigdefault(&attributes_, &all));
    // A session of its own: Ctrl-C on the terminal is for the host.
    check(
        ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID));
    return failed;
  }
  [[nodiscard]] const posix_spawn_file_actions_t* actions() const { return &actions_; }
  [[nodiscard]] const posix_spawnattr_t* attributes() const { return &attributes_; }

 private:
  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
};

}  // namespace

std::string Ending::text() const {
  if (!signal) return "ended its process with status " + std::to_string(status);
  const char* const name = ::sigabbrev_np(*signal);
  return "crashed (" + (name == nullptr ? "signal " + std::to_string(*signal) : std::string("SIG") + name) + ")";
}

Result<Process> Process::start(const RunnerOptions& options, const Region* runs, const Region& answers) {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
    return fail(Code::unavailable, std::string("a socket for a plugin runner: ") + std::strerror(errno));
  Fd ours(ends[0]);
  const Fd theirs(ends[1]);
  DUNE_TRY_VOID(check_reserve(theirs.get()));
  const auto socket = aside(theirs.get());
  const auto answer_fd = aside(answers.fd());
  const auto run_fd = aside(runs == nullptr ? answers.fd() : runs->fd());
  Actions how;
  if (!socket || !answer_fd || !run_fd || how.prepare(socket.get(), run_fd.get(), answer_fd.get()) != 0) {
    return fail(Code::unavailable, std::string("descriptors for a plugin runner: ") + std::strerror(errno));
  }
  std::array<std::string, 9> texts{"dunetrace",
                                   "plugin-runner",
                                   std::to_string(::getpid()),
                                   std::to_string(runs == nullptr ? 0 : reinterpret_cast<std::uintptr_t>(runs->data())),
                                   std::to_string(runs == nullptr ? 0 : runs->size()),
                                   std::to_string(answers.size()),
                                   std::to_string(options.address_space_bytes),
                                   std::to_string(options.resident_bytes),
                                   options.sandbox ? "1" : "0"};
  std::array<char*, 10> arguments{};
  for (std::size_t i = 0; i < texts.size(); ++i) arguments[i] = texts[i].data();
  std::array<char*, 1> environment{};
  pid_t pid = -1;
  const int failed = ::posix_spawn(&pid, options.executable.c_str(), how.actions(), how.attributes(), arguments.data(),
                                   environment.data());
  if (failed != 0) {
    return fail(Code::unavailable, "a plugin runner could not be started from " + options.executable.string() + ": " +
                                       std::strerror(failed));
  }
  Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  Process started(pid, std::move(pidfd), std::move(ours));
  started.region_bytes_ = answers.size() + (runs == nullptr ? 0 : runs->size());
  return started;
}

Process::Process(Process&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      pidfd_(std::move(other.pidfd_)),
      channel_(std::move(other.channel_)),
      region_bytes_(other.region_bytes_) {}

Process& Process::operator=(Process&& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(pidfd_, other.pidfd_);
  std::swap(channel_, other.channel_);
  std::swap(region_bytes_, other.region_bytes_);
  return *this;
}

Process::~Process() {
  if (pid_ < 0) return;
  channel_ = Channel(Fd());
  static_cast<void>(wait(kPatience));
}

bool Process::over() const {
  siginfo_t ended{};
  return pid_ < 0 ||
         (::waitid(P_PID, static_cast<id_t>(pid_), &ended, WEXITED | WNOHANG | WNOWAIT) == 0 && ended.si_pid == pid_);
}

bool Process::reap(std::chrono::milliseconds limit, Ending& ending) {
  if (limit.count() > 0 && pidfd_) {
    pollfd one{pidfd_.get(), POLLIN, 0};
    static_cast<void>(::poll(&one, 1, static_cast<int>(limit.count())));  // interrupted: looked at all the same
  }
  // It leads a session of its own. While its number is still taken, nobody else can be meant; who is in there was
  // started by a plugin, and goes with it.
  siginfo_t ended{};
  if (::waitid(P_PID, static_cast<id_t>(pid_), &ended, WEXITED | WNOHANG | WNOWAIT) == 0 && ended.si_pid == pid_)
    ::kill(-pid_, SIGKILL);
  int status = 0;
  // Without a pidfd (kernels before 5.3) there is no wait with a limit, and none is needed for what was killed.
  const auto reaped = ::waitpid(pid_, &status, WNOHANG);
  if (reaped == 0) return false;
  pid_ = -1;
  if (reaped < 0) return true;  // somebody else took it
  if (WIFSIGNALED(status)) ending.signal = WTERMSIG(status);
  if (WIFEXITED(status)) ending.status = WEXITSTATUS(status);
  return true;
}

Ending Process::kill() {
  Ending ending;
  if (pid_ < 0 || reap(std::chrono::milliseconds(0), ending)) return ending;
  ending.killed_here = true;
  ::kill(pid_, SIGKILL);
  const auto until = std::chrono::steady_clock::now() + kReapLimit;
  while (!reap(kPatience, ending) && std::chrono::steady_clock::now() < until) {
  }
  return ending;
}

Ending Process::wait(std::chrono::milliseconds limit) {
  Ending ending;
  if (pid_ < 0 || reap(limit, ending)) return ending;
  return kill();
}

// What it shares with nobody but itself counts like what it has alone; files it has mapped are the kernel's to drop.
std::size_t Process::resident_bytes(std::size_t enough) const {
  char path[64];
  std::snprintf(path, sizeof path, "/proc/%d/statm", static_cast<int>(pid_));
  // Asked after every batch: all that is resident together is told for a tenth of the price.
  if (const Fd brief(::open(path, O_RDONLY | O_CLOEXEC)); brief) {
    char numbers[128] = {};
    unsigned long size = 0;
    unsigned long resident = 0;
    if (::read(brief.get(), numbers, sizeof numbers - 1) > 0 &&
        std::sscanf(numbers, "%lu %lu", &size, &resident) == 2 &&
        resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)) <= enough) {
      return 0;
    }
  }
  std::snprintf(path, sizeof path, "/proc/%d/status", static_cast<int>(pid_));
  const Fd file(::open(path, O_RDONLY | O_CLOEXEC));
  char text[16 * 1024] = {};  // about 1500 bytes, and more with every group that the host is in
  if (!file || ::read(file.get(), text, sizeof text - 1) <= 0) return 0;
  const auto bytes_of = [&](const char* name) {
    const char* const line = std::strstr(text, name);
    return line == nullptr ? std::size_t{0} : std::strtoull(line + std::strlen(name), nullptr, 10) * 1024;
  };
  const auto shared = bytes_of("\nRssShmem:");
  return bytes_of("\nRssAnon:") + (shared > region_bytes_ ? shared - region_bytes_ : 0);
}

}  // namespace dunetrace::plugin
