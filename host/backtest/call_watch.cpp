#include "backtest/call_watch.hpp"

#include <pthread.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <utility>

namespace dunetrace::backtest {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds kLook{200};
constexpr seconds kHungCpu{10};     // of the processor in one call; an ordinary one takes microseconds
constexpr seconds kHungClock{120};  // waiting for something
constexpr std::size_t kThreads = 256;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;  // they report such signals themselves
#else
constexpr bool kSanitized = false;
#endif

// One thread's call. Signal handlers get no argument of ours; hence these.
struct Call {
  std::atomic<bool> taken{false};
  std::atomic<std::uint64_t> number{0};  // odd = in a call
  std::atomic<clockid_t> clock{0};
  const char* who = nullptr;
  std::size_t who_bytes = 0;
  const char* run = nullptr;
  std::size_t run_bytes = 0;
};
std::array<Call, kThreads> calls;

// What a thread needs for its marks, given back with its end.
struct Seat {
  Seat() {
    for (auto& one : calls) {
      if (one.taken.exchange(true)) continue;
      call = &one;
      clockid_t clock{};
      if (::pthread_getcpuclockid(::pthread_self(), &clock) == 0) one.clock = clock;
      break;
    }
    if (kSanitized) return;
    const stack_t handler{stack.data(), 0, stack.size()};  // a call that used up its own has none left
    ::sigaltstack(&handler, nullptr);
  }
  ~Seat() {
    if (!kSanitized) {
      const stack_t none{nullptr, SS_DISABLE, 0};
      ::sigaltstack(&none, nullptr);
    }
    if (call != nullptr) call->taken = false;
  }
  Seat(const Seat&) = delete;
  Seat& operator=(const Seat&) = delete;
  Call* call = nullptr;
  std::array<char, 16 * 1024> stack;
};

thread_local Call* calling = nullptr;  // only while a mark is there

// Joins texts without allocating.
class Line {
 public:
  Line& add(std::string_view text) {
    for (const char c : text) {
      if (used_ < text_.size()) text_[used_++] = static_cast<unsigned char>(c) < 0x20 && c != '\n' ? '?' : c;
    }
    return *this;
  }
  [[noreturn]] void end() {
    add("\n");
    const auto ignored = ::write(STDERR_FILENO, text_.data(), used_);
    static_cast<void>(ignored);
    ::_exit(1);
  }

 private:
  std::array<char, 1024> text_;
  std::size_t used_ = 0;
};

[[noreturn]] void end_with(const Call& call, std::string_view what) {
  Line line;
  line.add("dunetrace: ").add({call.who, std::min<std::size_t>(call.who_bytes, 200)}).add(" ").add(what);
  if (call.run_bytes > 0) line.add(" in run ").add({call.run, std::min<std::size_t>(call.run_bytes, 200)});
  line.add("; see `dunetrace plugin check`").end();
}

void on_fatal(int number) {
  if (calling == nullptr) return;  // comes again, now with the default action
  const char* const name = ::sigabbrev_np(number);
  std::array<char, 48> what{};
  std::size_t used = 0;
  for (const std::string_view part :
       {std::string_view("crashed (SIG"), std::string_view(name == nullptr ? "?" : name), std::string_view(")")}) {
    const auto kept = std::min(part.size(), what.size() - used);
    std::memcpy(what.data() + used, part.data(), kept);
    used += kept;
  }
  end_with(*calling, {what.data(), used});
}

void on_exit_in_call() {
  if (calling != nullptr) end_with(*calling, "ended the process");
}

void look(std::array<std::pair<std::uint64_t, std::chrono::steady_clock::time_point>, kThreads>& seen,
          std::array<std::int64_t, kThreads>& cpu_ns) {
  const auto now = std::chrono::steady_clock::now();
  for (std::size_t i = 0; i < kThreads; ++i) {
    const auto number = calls[i].number.load(std::memory_order_acquire);
    if (number % 2 == 0) continue;
    timespec used{};
    if (::clock_gettime(calls[i].clock.load(std::memory_order_relaxed), &used) != 0) continue;
    const auto cpu = std::int64_t{used.tv_sec} * 1'000'000'000 + used.tv_nsec;
    if (number != seen[i].first) {
      seen[i] = {number, now};
      cpu_ns[i] = cpu;
      continue;
    }
    const bool spins = std::chrono::nanoseconds(cpu - cpu_ns[i]) > kHungCpu;
    if (!spins && now - seen[i].second < kHungClock) continue;
    if (calls[i].number.load(std::memory_order_acquire) != number) continue;
    end_with(calls[i], spins ? "did not come back within 10 s of processor time" : "did not come back within 120 s");
  }
}

void catch_endings() {
  if (kSanitized) return;
  static const bool once = [] {
    struct sigaction action {};
    action.sa_handler = on_fatal;
    action.sa_flags = static_cast<int>(SA_RESETHAND) | SA_ONSTACK;
    for (const int number : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT}) ::sigaction(number, &action, nullptr);
    return std::atexit(on_exit_in_call) == 0;
  }();
  static_cast<void>(once);
}

}  // namespace

CallWatch::CallWatch()
    : watchdog_([](const std::stop_token& stop) {
        std::array<std::pair<std::uint64_t, std::chrono::steady_clock::time_point>, kThreads> seen{};
        std::array<std::int64_t, kThreads> cpu_ns{};
        std::mutex mutex;
        std::condition_variable_any wake;
        std::unique_lock lock(mutex);
        while (!wake.wait_for(lock, stop, kLook, [&] { return stop.stop_requested(); })) look(seen, cpu_ns);
      }) {
  catch_endings();
}

CallWatch::~CallWatch() = default;

CallWatch::Mark::Mark(std::string_view who, std::string_view run) {
  thread_local Seat seat;
  auto* const call = seat.call;
  if (call == nullptr) return;
  call->who = who.data();
  call->who_bytes = who.size();
  call->run = run.data();
  call->run_bytes = run.size();
  calling = call;
  call->number.fetch_add(1, std::memory_order_release);
}

CallWatch::Mark::~Mark() {
  if (calling == nullptr) return;
  calling->number.fetch_add(1, std::memory_order_release);
  calling = nullptr;
}

}  // namespace dunetrace::backtest
