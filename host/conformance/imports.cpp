#include "conformance/imports.hpp"

#include <algorithm>
#include <array>
#include <set>

#include "conformance/board.hpp"

namespace dunetrace::conformance {
namespace {

struct Group {
  std::string_view why;
  bool detectors_only = false;
  std::vector<std::string_view> names;
  std::vector<std::string_view> prefixes = {};  // mangled names of the C++ library
};

// abort, __assert_fail and std::terminate are not here: they are how a runtime reports a broken invariant, and every
// C++ library imports them.
const std::vector<Group>& groups() {
  static const std::vector<Group> all = {
      {"a plugin does not end the host's process: return a negative status",
       false,
       {"exit", "_exit", "_Exit", "quick_exit", "pthread_exit", "kill", "raise", "tgkill", "pthread_kill", "daemon"}},
      {"a plugin starts no process", false, {"fork",    "vfork",       "_Fork",        "clone",   "system",
                                             "popen",   "posix_spawn", "posix_spawnp", "execl",   "execle",
                                             "execlp",  "execv",       "execve",       "execvp",  "execvpe",
                                             "fexecve", "execveat",    "forkpty",      "waitpid", "__libc_fork"}},
      {"a plugin creates no thread: the host calls it from as many as it wants",
       false,
       {"pthread_create", "thrd_create", "timer_create", "pthread_detach"},
       {"_ZNSt6thread15_M_start_thread", "_ZNSt6thread6detach"}},
      {"signal handlers belong to the host",
       false,
       {"signal", "sigaction", "__sysv_signal", "bsd_signal", "sigset", "sigaltstack", "sigprocmask", "pthread_sigmask",
        "alarm", "setitimer", "siginterrupt", "signalfd"}},
      {"it changes the state of the whole process",
       false,
       {"setlocale",   "chdir",  "fchdir",  "umask",  "setenv",  "putenv",  "unsetenv",    "clearenv",
        "setrlimit",   "prctl",  "chroot",  "setuid", "setgid",  "seteuid", "setpriority", "sched_setaffinity",
        "personality", "ptrace", "mallopt", "setsid", "setpgid", "syscall", "setrlimit64", "mlockall"},
       {"_ZNSt6locale6global"}},
      {"what runs at the end of the process or at a fork would outlive the plugin",
       false,
       {"atexit", "on_exit", "at_quick_exit", "__cxa_at_quick_exit", "pthread_atfork", "__register_atfork"}},
      {"thread-local objects with destructors keep a library mapped after the thread has ended",
       false,
       {"__cxa_thread_atexit", "__cxa_thread_atexit_impl"}},
      {"a plugin opens no socket: alerts and integrations use the host's dune.host.http/1",
       false,
       {"socket", "socketpair", "connect", "bind", "listen", "accept", "accept4", "getaddrinfo", "gethostbyname",
        "gethostbyname_r", "res_query"}},
      {"a plugin opens no file: what it needs comes with the run and the parameters",
       false,
       {"open",    "open64",  "openat",   "openat64",  "__open_2",  "__open64_2", "creat",       "creat64",
        "fopen",   "fopen64", "freopen",  "freopen64", "fdopen",    "opendir",    "mkdir",       "unlink",
        "remove",  "rename",  "rmdir",    "mkstemp",   "mkstemp64", "tmpfile",    "tmpfile64",   "truncate",
        "symlink", "link",    "shm_open", "mkfifo",    "chmod",     "chown",      "memfd_create"},
       {"_ZNSt13basic_filebuf", "_ZNSt14basic_ifstream", "_ZNSt14basic_ofstream", "_ZNSt13basic_fstream",
        "_ZNSt10filesystem"}},
      {"descriptors belong to the host",
       false,
       {"close", "closefrom", "close_range", "dup", "dup2", "dup3", "pipe", "pipe2", "fcntl", "fcntl64", "eventfd",
        "epoll_create1", "inotify_init1"}},
      {"a plugin loads no further code", false, {"dlopen", "dlmopen"}},
      {"the environment is a hidden input: use a parameter",
       false,
       {"getenv", "secure_getenv", "environ", "__environ"}},
      {"a detector judges the run and not the present: use the times in the run",
       true,
       {"time", "gettimeofday", "clock_gettime", "clock", "times", "ftime", "timespec_get"},
       {"_ZNSt6chrono3_V212system_clock3now", "_ZNSt6chrono3_V212steady_clock3now"}},
      {"a detector must find the same in the same run",
       true,
       {"getrandom", "getentropy", "arc4random", "random", "rand", "rand_r", "drand48", "lrand48", "srand", "srandom"},
       {"_ZNSt13random_device"}},
      {"waiting blocks one of the host's workers",
       true,
       {"sleep", "usleep", "nanosleep", "clock_nanosleep", "poll", "select"},
       {"_ZNSt11this_thread11__sleep_for"}},
  };
  return all;
}

// What libstdc++ and Rust's std import for parts the plugin does not use (locale, iconv, streams, back traces).
// pthread_create and sigaction are not among them: neither runtime links them in unless they are used.
constexpr std::array kRuntime = {std::string_view("open"),
                                 std::string_view("open64"),
                                 std::string_view("close"),
                                 std::string_view("fopen64"),
                                 std::string_view("fopen"),
                                 std::string_view("fdopen"),
                                 std::string_view("setlocale"),
                                 std::string_view("syscall"),
                                 std::string_view("getenv"),
                                 std::string_view("secure_getenv"),
                                 std::string_view("environ"),
                                 std::string_view("clock_gettime"),
                                 std::string_view("getentropy"),
                                 std::string_view("arc4random"),
                                 std::string_view("getrandom"),
                                 std::string_view("poll"),
                                 std::string_view("fcntl64"),
                                 std::string_view("fcntl"),
                                 std::string_view("__cxa_thread_atexit_impl")};

constexpr std::array kSanitizers = {std::string_view("__asan_init"), std::string_view("__tsan_init"),
                                    std::string_view("__ubsan_handle_type_mismatch_v1")};

}  // namespace

bool has_own_runtime(const ElfFile& file) {
  const bool shared =
      std::ranges::any_of(file.needed, [](const std::string& name) { return name.starts_with("libstdc++.so"); });
  return !shared && std::ranges::any_of(file.dynamic, [](const ElfSymbol& symbol) {
    return !symbol.defined && (symbol.name == "_dl_find_object" || symbol.name == "dl_iterate_phdr" ||
                               symbol.name.starts_with("_Unwind_"));
  });
}

std::vector<Objection> objections(const ElfFile& file, std::uint32_t kinds) {
  const bool runtime = has_own_runtime(file);
  const bool detector = kinds == 0 || (kinds & kDetector) != 0;
  const bool sanitized = std::ranges::any_of(file.dynamic, [](const ElfSymbol& symbol) {
    return std::ranges::find(kSanitizers, symbol.name) != kSanitizers.end();
  });
  std::vector<Objection> out;
  const auto look = [&](const std::string& name) {
    if (runtime && std::ranges::find(kRuntime, name) != kRuntime.end()) return;
    for (const auto& group : groups()) {
      if (group.detectors_only && !detector) continue;
      const bool named = std::ranges::find(group.names, name) != group.names.end();
      const bool begins =
          std::ranges::any_of(group.prefixes, [&](std::string_view prefix) { return name.starts_with(prefix); });
      if (named || begins) out.push_back({name, group.why});
    }
  };
  std::set<std::string> seen;
  for (const auto& symbol : file.dynamic) {
    if (!symbol.defined && seen.insert(symbol.name).second) look(symbol.name);
  }
  // glibc links these two statically, so that the import is one that every C++ library has.
  for (const auto& name : file.locals) {
    if (!sanitized && (name == "atexit" || name == "pthread_atfork") && seen.insert(name).second) look(name);
  }
  return out;
}

}  // namespace dunetrace::conformance
