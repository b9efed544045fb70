#include "plugin/isolation/sandbox.hpp"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
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

bool hold_capabilities(std::uint32_t effective, std::uint32_t permitted) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  const __user_cap_data_struct data[2] = {{effective, permitted, 0}, {}};
  return ::syscall(SYS_capset, &header, data) == 0;
}

bool readable(const std::vector<std::string>& files) {
  return std::ranges::all_of(files, [](const std::string& one) {
    const Fd file(::open(one.c_str(), O_RDONLY | O_CLOEXEC));
    return file || errno == ENOENT;
  });
}

// Root has no business in a runner: its limits do not bind it. Libraries that only root can read stay readable, by the
// one capability that is for that, where Landlock keeps it to just these files.
void drop_root(const std::vector<std::string>& files, bool sees_only_them, std::string& missing) {
  constexpr std::uint32_t kMayRead = 1U << CAP_DAC_READ_SEARCH;
  ::prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0);
  if (::setgroups(0, nullptr) != 0 || ::setresgid(kNobody, kNobody, kNobody) != 0 ||
      ::setresuid(kNobody, kNobody, kNobody) != 0) {
    note(missing, "another user than root");
  }
  const bool reads = !sees_only_them || (hold_capabilities(0, kMayRead) && readable(files));
  const auto kept = reads ? 0U : kMayRead;
  static_cast<void>(hold_capabilities(kept, kept));  // without it, loading says what cannot be read
}

// Files that can be read from here on: these, and what the linker looks for.
bool see_only(const std::vector<std::string>& files) {
  // All that the first version knows, so that every kernel with Landlock does it.
  constexpr std::uint64_t kEverything = (std::uint64_t{LANDLOCK_ACCESS_FS_MAKE_SYM} << 1U) - 1;
  const landlock_ruleset_attr handled{.handled_access_fs = kEverything};
  const Fd rules(
      static_cast<int>(::syscall(SYS_landlock_create_ruleset, &handled, sizeof handled.handled_access_fs, 0)));
  if (!rules) return false;
  const auto allow = [&](const char* path) {
    const Fd at(::open(path, O_PATH | O_CLOEXEC));
    if (!at) return;
    landlock_path_beneath_attr rule{};
    rule.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE;
    rule.parent_fd = at.get();
    static_cast<void>(::syscall(SYS_landlock_add_rule, rules.get(), LANDLOCK_RULE_PATH_BENEATH, &rule, 0));
  };
  for (const auto* const path :
       {"/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/etc/ld.so.cache", "/dev/null"})
    allow(path);
  for (const auto& file : files) allow(file.c_str());
  return ::syscall(SYS_landlock_restrict_self, rules.get(), 0) == 0;
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

std::map<std::string, Fd> confine(pid_t parent, int channel, const std::vector<std::string>& files,
                                  FlightRecorder& recorder, std::string& missing) {
  std::map<std::string, Fd> opened;
  if (kSanitized) return opened;
  const bool sees_only_them = see_only(files);
  if (!sees_only_them) note(missing, "Landlock");
  if (::geteuid() == 0) {
    // The way to the host's copies is for root alone, the copies themselves are not.
    for (const auto& file : files)
      if (!sees_only_them) opened[file] = Fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
    drop_root(files, sees_only_them, missing);
  }
  limit(RLIMIT_NPROC, 0, missing, "no processes");
  if (!die_with(parent)) ::_exit(0);
  denied_recorder = &recorder;
  struct sigaction action {};
  action.sa_sigaction = on_denied;
  action.sa_flags = SA_SIGINFO;
  ::sigaction(SIGSYS, &action, nullptr);
  if (!install_loading_filter(channel)) note(missing, "seccomp while loading");
  return opened;
}

void close_sandbox(int channel, std::string& missing) {
  if (kSanitized) {
    note(missing, "seccomp (sanitizer build)");
    return;
  }
  if (!hold_capabilities(0, 0)) note(missing, "no capabilities");
  limit(RLIMIT_NOFILE, static_cast<rlim_t>(channel) + 1, missing, "no descriptors");
  if (!install_filter(channel)) note(missing, "seccomp");
}

}  // namespace dunetrace::plugin
