#include "plugin/isolation/syscall_filter.hpp"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "plugin/isolation/sandbox.hpp"

namespace dunetrace::plugin {
namespace {

#if defined(__x86_64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
#else
#error "the runner's filter knows x86-64 and aarch64"
#endif

class Filter {
 public:
  Filter() {
    load(offsetof(seccomp_data, arch));
    unless_equal(kArchitecture, SECCOMP_RET_KILL_PROCESS);
    load(offsetof(seccomp_data, nr));
  }
  void allow(long number) {
    jump_equal(static_cast<std::uint32_t>(number), 0, 1);
    give(SECCOMP_RET_ALLOW);
  }
  // Harmless questions that C libraries ask: they get an error and carry on.
  void refuse_mildly(long number, int error) {
    jump_equal(static_cast<std::uint32_t>(number), 0, 1);
    give(SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(error));
  }
  // Allowed when the lower half of that argument is `value`.
  void allow_if_equal(long number, unsigned argument, std::uint32_t value) {
    jump_equal(static_cast<std::uint32_t>(number), 0, 4);
    load(low_half(argument));
    jump_equal(value, 0, 1);
    give(SECCOMP_RET_ALLOW);
    give(SECCOMP_RET_TRAP);
  }
  // Allowed when that argument has none of `bits`.
  void allow_if_clear(long number, unsigned argument, std::uint32_t bits) {
    jump_equal(static_cast<std::uint32_t>(number), 0, 4);
    load(low_half(argument));
    add(BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, bits, 0, 1));
    give(SECCOMP_RET_TRAP);
    give(SECCOMP_RET_ALLOW);
  }
  // mmap: nothing executable, nothing but fresh memory of its own. Shared memory would not count as what it holds.
  void allow_anonymous_memory(long number) {
    jump_equal(static_cast<std::uint32_t>(number), 0, 9);
    load(low_half(2));
    add(BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 0, 1));
    give(SECCOMP_RET_TRAP);
    load(low_half(3));
    add(BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, MAP_SHARED, 0, 1));  // MAP_SHARED_VALIDATE has this bit, too
    give(SECCOMP_RET_TRAP);
    add(BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, MAP_ANONYMOUS, 0, 1));
    give(SECCOMP_RET_ALLOW);
    give(SECCOMP_RET_TRAP);
  }
  [[nodiscard]] bool install() {
    give(SECCOMP_RET_TRAP);
    const sock_fprog program{static_cast<unsigned short>(code_.size()), code_.data()};
    // All threads: a library may have started one while it was loaded.
    return ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) == 0;
  }

 private:
  static std::uint32_t low_half(unsigned argument) {  // both architectures are little-endian
    return static_cast<std::uint32_t>(offsetof(seccomp_data, args) + argument * sizeof(std::uint64_t));
  }
  void add(sock_filter instruction) { code_.push_back(instruction); }
  void load(std::size_t offset) { add(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset))); }
  void give(std::uint32_t verdict) { add(BPF_STMT(BPF_RET | BPF_K, verdict)); }
  void jump_equal(std::uint32_t value, std::uint8_t yes, std::uint8_t no) {
    add(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, yes, no));
  }
  void unless_equal(std::uint32_t value, std::uint32_t verdict) {
    jump_equal(value, 1, 0);
    give(verdict);
  }
  std::vector<sock_filter> code_;
};

}  // namespace

namespace {

constexpr int kNotPermitted = 1;     // EPERM
constexpr int kNotImplemented = 38;  // ENOSYS

// What both filters let through: memory, time, and who one is.
void allow_common(Filter& filter, std::uint32_t socket) {
  // The way of every question first.
  filter.allow_if_equal(SYS_recvfrom, 0, socket);
  filter.allow_if_equal(SYS_sendto, 0, socket);
  for (const long number : {
           SYS_ppoll,
           SYS_futex,
           SYS_clock_gettime,
           SYS_munmap,
           SYS_mremap,
           SYS_brk,
           SYS_madvise,
           SYS_rt_sigreturn,
           SYS_rt_sigprocmask,
           SYS_sigaltstack,
           SYS_exit,
           SYS_exit_group,
           SYS_restart_syscall,
           SYS_getrandom,
           SYS_gettimeofday,
           SYS_clock_getres,
           SYS_clock_nanosleep,
           SYS_nanosleep,
           SYS_sched_yield,
           SYS_getpid,
           SYS_gettid,
           SYS_getppid,
           SYS_sysinfo,
           SYS_sched_getaffinity,
           SYS_set_robust_list,
#ifdef SYS_poll
           SYS_poll,
           SYS_time,
#endif
       }) {
    filter.allow(number);
  }
  // abort() and raise(): to itself only.
  filter.allow_if_equal(SYS_tgkill, 0, static_cast<std::uint32_t>(::getpid()));
  // printf() of a plugin, whose descriptors lead to /dev/null; handlers of its own, which it just does not get.
  for (const long number : {SYS_write, SYS_writev, SYS_ioctl, SYS_rt_sigaction})
    filter.refuse_mildly(number, kNotPermitted);
}

}  // namespace

bool install_loading_filter(int channel) {
  Filter filter;
  allow_common(filter, static_cast<std::uint32_t>(channel));
  // Reading only; which files, Landlock says.
  constexpr std::uint32_t kWrites = O_WRONLY | O_RDWR | O_CREAT | O_TRUNC | O_APPEND;
  filter.allow_if_clear(SYS_openat, 2, kWrites);
  for (const long number : {
           SYS_mmap,
           SYS_mprotect,
           SYS_read,
           SYS_pread64,
           SYS_readv,
           SYS_close,
           SYS_newfstatat,
           SYS_fstat,
           SYS_statx,
           SYS_statfs,
           SYS_fstatfs,
           SYS_lseek,
           SYS_getdents64,
           SYS_faccessat,
           SYS_faccessat2,
           SYS_readlinkat,
           SYS_getcwd,
           SYS_getrusage,
           SYS_times,
           SYS_uname,
           SYS_getuid,
           SYS_geteuid,
           SYS_getgid,
           SYS_getegid,
           SYS_getcpu,
           SYS_rseq,
           SYS_membarrier,
           SYS_set_tid_address,
           SYS_rt_sigpending,
           // The runner's own, for what comes after: each of them only takes rights away.
           SYS_capset,
           SYS_seccomp,
#ifdef SYS_open
           SYS_access,
           SYS_readlink,
           SYS_stat,
           SYS_lstat,
           SYS_arch_prctl,
#endif
       }) {
    filter.allow(number);
  }
#ifdef SYS_open
  filter.allow_if_clear(SYS_open, 1, kWrites);
#endif
  filter.allow_if_equal(SYS_prlimit64, 0, 0);  // limits of its own
  // Not F_SETOWN, which has signals sent to others.
  filter.allow_if_clear(SYS_fcntl, 1, ~std::uint32_t{3});  // F_DUPFD, F_GETFD, F_SETFD, F_GETFL
  filter.refuse_mildly(SYS_prctl, kNotPermitted);          // allocators name their memory
  filter.refuse_mildly(SYS_openat2, kNotImplemented);
  return filter.install();
}

bool install_filter(int channel) {
  Filter filter;
  allow_common(filter, static_cast<std::uint32_t>(channel));
  filter.allow_anonymous_memory(SYS_mmap);
  filter.allow_if_clear(SYS_mprotect, 2, PROT_EXEC);
  for (const long number : {SYS_newfstatat, SYS_fstat, SYS_lseek, SYS_getrusage, SYS_uname, SYS_getuid, SYS_geteuid,
                            SYS_getgid, SYS_getegid, SYS_prlimit64}) {
    filter.refuse_mildly(number, kNotPermitted);
  }
  return filter.install();
}

std::string system_call_name(std::uint32_t number) {
  struct Name {
    long number;
    const char* text;
  };
  static constexpr Name kNames[] = {
      {SYS_socket, "socket"},
      {SYS_socketpair, "socketpair"},
      {SYS_connect, "connect"},
      {SYS_bind, "bind"},
      {SYS_listen, "listen"},
      {SYS_accept4, "accept4"},
      {SYS_sendmsg, "sendmsg"},
      {SYS_recvmsg, "recvmsg"},
      {SYS_sendto, "sendto"},
      {SYS_recvfrom, "recvfrom"},
      {SYS_openat, "openat"},
      {SYS_read, "read"},
      {SYS_close, "close"},
      {SYS_close_range, "close_range"},
      {SYS_dup, "dup"},
      {SYS_dup3, "dup3"},
      {SYS_fcntl, "fcntl"},
      {SYS_clone, "clone"},
      {SYS_clone3, "clone3"},
      {SYS_execve, "execve"},
      {SYS_execveat, "execveat"},
      {SYS_kill, "kill"},
      {SYS_tgkill, "tgkill"},
      {SYS_tkill, "tkill"},
      {SYS_ptrace, "ptrace"},
      {SYS_process_vm_readv, "process_vm_readv"},
      {SYS_process_vm_writev, "process_vm_writev"},
      {SYS_rt_sigqueueinfo, "rt_sigqueueinfo"},
      {SYS_renameat2, "renameat2"},
      {SYS_linkat, "linkat"},
      {SYS_symlinkat, "symlinkat"},
      {SYS_fchmodat, "fchmodat"},
      {SYS_fchownat, "fchownat"},
      {SYS_mount, "mount"},
      {SYS_mmap, "mmap"},
      {SYS_mprotect, "mprotect"},
      {SYS_unlinkat, "unlinkat"},
      {SYS_mkdirat, "mkdirat"},
      {SYS_rt_sigaction, "rt_sigaction"},
      {SYS_prctl, "prctl"},
      {SYS_setrlimit, "setrlimit"},
      {SYS_shmget, "shmget"},
      {SYS_memfd_create, "memfd_create"},
      {SYS_pipe2, "pipe2"},
      {SYS_chdir, "chdir"},
      {SYS_unshare, "unshare"},
      {SYS_setsid, "setsid"},
#ifdef SYS_open
      {SYS_open, "open"},
      {SYS_fork, "fork"},
      {SYS_vfork, "vfork"},
      {SYS_dup2, "dup2"},
      {SYS_pipe, "pipe"},
      {SYS_unlink, "unlink"},
      {SYS_mkdir, "mkdir"},
      {SYS_rmdir, "rmdir"},
      {SYS_rename, "rename"},
      {SYS_link, "link"},
      {SYS_symlink, "symlink"},
      {SYS_chmod, "chmod"},
      {SYS_chown, "chown"},
#endif
  };
  for (const auto& name : kNames) {
    if (name.number == static_cast<long>(number)) return name.text;
  }
  return "system call " + std::to_string(number);
}

}  // namespace dunetrace::plugin
