#include "conformance/faults.hpp"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <utility>

namespace dunetrace::conformance {
namespace {

// Signal handlers get no argument of ours; hence these. One test per process sets them, once.
Board* watching = nullptr;
std::atomic<const GuardedMemory*> current_run{nullptr};
alignas(16) std::array<std::byte, 64 * 1024> handler_stack;  // a plugin may have used up its own

// Joins texts without allocating.
class Line {
 public:
  Line& add(std::string_view text) {
    const auto kept = std::min(text.size(), buffer_.size() - used_);
    std::memcpy(buffer_.data() + used_, text.data(), kept);
    used_ += kept;
    return *this;
  }
  Line& add(long number) {
    std::array<char, 24> digits;
    std::size_t at = digits.size();
    for (auto rest = number < 0 ? 0UL : static_cast<unsigned long>(number); at == digits.size() || rest > 0; rest /= 10)
      digits[--at] = static_cast<char>('0' + rest % 10);
    return add({digits.data() + at, digits.size() - at});
  }
  [[nodiscard]] std::string_view text() const { return {buffer_.data(), used_}; }

 private:
  std::array<char, 1024> buffer_;
  std::size_t used_ = 0;
};

[[noreturn]] void end_with(Line& line, std::string_view advice) {
  auto& page = watching->page();
  line.add(" while ").add({page.doing, ::strnlen(page.doing, sizeof page.doing)});
  watching->finish(Verdict::fail, line.text(), advice);
  ::_exit(1);
}

bool was_write([[maybe_unused]] const void* context) {
#if defined(__x86_64__)
  return (static_cast<const ucontext_t*>(context)->uc_mcontext.gregs[REG_ERR] & 2) != 0;
#else
  return false;
#endif
}

void on_fault(int number, siginfo_t* info, void* context) {
  Line line;
  const auto* const current = current_run.load();
  if (number != SIGSEGV || info->si_code != SEGV_ACCERR) {
    end_with(line.add(number == SIGSEGV ? "crashed (SIGSEGV)" : "crashed (SIGBUS)"),
             "run it in a debugger: gdb --args dunetrace plugin run FILE.so --run run.json");
  }
  if (was_write(context)) {
    end_with(line.add("wrote to memory that is not its own to write"),
             "the run, the configuration and the host's records are read-only: copy what you want to change");
  }
  if (current != nullptr && current->contains(info->si_addr)) {
    end_with(line.add("read past the end of an array, a record or a text"),
             "step arrays by stride up to count; texts have a length and no NUL at their end");
  }
  end_with(line.add("read memory of the host that was no longer valid, or past the end of a record"),
           "what comes with a call is valid until the call returns: copy what you keep");
}

void on_forbidden_call(int, siginfo_t* info, void*) {
  static constexpr std::pair<long, std::string_view> kNames[] = {
    {SYS_read, "read"},
    {SYS_write, "write"},
    {SYS_openat, "openat"},
    {SYS_close, "close"},
    {SYS_socket, "socket"},
    {SYS_connect, "connect"},
    {SYS_clone, "clone"},
    {SYS_clone3, "clone3"},
    {SYS_execve, "execve"},
    {SYS_nanosleep, "nanosleep"},
    {SYS_clock_nanosleep, "clock_nanosleep"},
    {SYS_getpid, "getpid"},
    {SYS_kill, "kill"},
    {SYS_ioctl, "ioctl"},
    {SYS_getrandom, "getrandom"},
    {SYS_rt_sigaction, "rt_sigaction"},
    {SYS_newfstatat, "newfstatat"},
    {SYS_writev, "writev"},
    {SYS_dup, "dup"},
    {SYS_prctl, "prctl"},
    {SYS_chdir, "chdir"},
    {SYS_umask, "umask"},
    {SYS_clock_gettime, "clock_gettime"},
    {SYS_getuid, "getuid"},
    {SYS_tgkill, "tgkill"},
#if defined(__x86_64__)
    {SYS_open, "open"},
    {SYS_fork, "fork"},
    {SYS_vfork, "vfork"},
    {SYS_time, "time"},
    {SYS_dup2, "dup2"},
#endif
  };
  Line line;
  line.add("made system call ").add(static_cast<long>(info->si_syscall));
  for (const auto& [number, name] : kNames) {
    if (number == info->si_syscall) line.add(" (").add(name).add(")");
  }
  end_with(line, "a detector judges the run with its parameters and asks the system nothing");
}

void handle(int number, void (*handler)(int, siginfo_t*, void*)) {
  stack_t stack{};
  stack.ss_sp = handler_stack.data();
  stack.ss_size = handler_stack.size();
  ::sigaltstack(&stack, nullptr);
  struct sigaction action {};
  action.sa_sigaction = handler;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  ::sigaction(number, &action, nullptr);
}

}  // namespace

void watch_memory(Board& board) {
  watching = &board;
  handle(SIGSEGV, on_fault);
  handle(SIGBUS, on_fault);
}

void watch_current(const GuardedMemory* current) { current_run = current; }

Result<> forbid_system_calls(Board& board) {
#if defined(__x86_64__)
  constexpr std::uint32_t kMachine = AUDIT_ARCH_X86_64;
#else
  constexpr std::uint32_t kMachine = AUDIT_ARCH_AARCH64;
#endif
  // What the memory allocator needs, and the end. clock_gettime is answered without the kernel on most machines and is
  // objected to as an import.
  static constexpr std::array kAllowed = {SYS_brk,     SYS_mmap,          SYS_munmap,      SYS_mremap,
                                          SYS_madvise, SYS_mprotect,      SYS_futex,       SYS_exit_group,
                                          SYS_exit,    SYS_clock_gettime, SYS_rt_sigreturn};
  watching = &board;
  handle(SIGSYS, on_forbidden_call);
  std::array<sock_filter, kAllowed.size() * 2 + 5> program{};
  std::size_t n = 0;
  program[n++] = BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch));
  program[n++] = BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kMachine, 1, 0);
  program[n++] = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP);
  program[n++] = BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr));
  for (const auto call : kAllowed) {
    program[n++] = BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(call), 0, 1);
    program[n++] = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  }
  program[n++] = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP);
  const sock_fprog filter{static_cast<unsigned short>(n), program.data()};
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0) {
    return fail(Code::unavailable, std::string("this kernel offers no seccomp filter: ") + std::strerror(errno));
  }
  return {};
}

}  // namespace dunetrace::conformance
