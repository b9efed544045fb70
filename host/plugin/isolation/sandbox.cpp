#include "plugin/isolation/sandbox.hpp"

#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "plugin/isolation/syscall_filter.hpp"

namespace dunetrace::plugin {
namespace {

constexpr rlim_t kFilesWhileLoading = 32;  // the linker has one or two open at a time
constexpr uid_t kNobody = 65534;

void note(std::string& missing, const char* what) {
  if (!missing.empty()) missing += ", ";
  missing += what;
}

void limit(__rlimit_resource_t what, rlim_t value, std::string& missing, const char* name) {
  const rlimit both{value, value};
  if (::setrlimit(what, &both) != 0) note(missing, name);
}

// The signal goes when the process changes who it is, so it is asked for again after that.
bool die_with(pid_t parent) { return ::prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && ::getppid() == parent; }

FlightRecorder* denied_recorder = nullptr;  // for the signal handler, which gets nothing else

// Ends the process as the kernel would have, but says first why.
void on_denied(int, siginfo_t* info, void*) {
  if (denied_recorder != nullptr)
    denied_recorder->denied.store(static_cast<std::uint32_t>(info->si_syscall) + 1, std::memory_order_release);
  ::_exit(128 + SIGSYS);
}

// Root has no business in a runner: its limits do not bind it.
void drop_root(std::string& missing) {
  if (::geteuid() != 0) return;
  if (::setgroups(0, nullptr) != 0 || ::setresgid(kNobody, kNobody, kNobody) != 0 ||
      ::setresuid(kNobody, kNobody, kNobody) != 0) {
    note(missing, "another user than root");
  }
}

}  // namespace

Result<> enter_sandbox(pid_t parent, std::size_t address_space_bytes, std::string& missing) {
  ::signal(SIGPIPE, SIG_IGN);
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) note(missing, "no new privileges");
  if (!die_with(parent)) return fail(Code::unavailable, "the host is gone");
  if (::unshare(::geteuid() == 0 ? CLONE_NEWNET : CLONE_NEWUSER | CLONE_NEWNET) != 0)
    note(missing, "network namespace");
  if (::chdir("/") != 0) note(missing, "working directory");
  limit(RLIMIT_CORE, 0, missing, "no core files");
  limit(RLIMIT_FSIZE, 0, missing, "no file writes");
  limit(RLIMIT_NOFILE, kFilesWhileLoading, missing, "few descriptors");
  if (!kSanitized) limit(RLIMIT_AS, address_space_bytes, missing, "address space");
  return {};
}

void close_sandbox(pid_t parent, int channel, FlightRecorder& recorder, std::string& missing) {
  if (kSanitized) {
    note(missing, "seccomp (sanitizer build)");
    return;
  }
  drop_root(missing);
  limit(RLIMIT_NPROC, 0, missing, "no processes");
  limit(RLIMIT_NOFILE, static_cast<rlim_t>(channel) + 1, missing, "no descriptors");
  if (!die_with(parent)) ::_exit(0);
  denied_recorder = &recorder;
  struct sigaction action {};
  action.sa_sigaction = on_denied;
  action.sa_flags = SA_SIGINFO;
  ::sigaction(SIGSYS, &action, nullptr);
  if (!install_filter(channel)) note(missing, "seccomp");
}

}  // namespace dunetrace::plugin
