#include "plugin/isolation/call_record.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "core/private_files.hpp"
#include "json/writer.hpp"
#include "plugin/conduct_memory.hpp"
#include "plugin/isolation/sandbox.hpp"

namespace dunetrace::plugin {

// Texts are cut, ended by a NUL, and written only while no call is under way.
struct CallRecord::Page {
  std::atomic<std::uint64_t> sequence;  // odd = in a call
  std::atomic<std::int64_t> timeout_ms;
  std::atomic<std::int32_t> thread;
  std::atomic<std::int32_t> ended;  // the process did, in this call: a signal, or kHung or kExited
  char component[72];
  char library[200];
  char version[64];
  char sha256[72];
  char customer[200];
  char run[200];
  std::atomic<std::uint32_t> phase;
};

namespace {

using SteadyClock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr std::size_t kPages = 64;  // threads that call plugins
constexpr std::size_t kBytes = kPages * 1024;
constexpr milliseconds kLook{100};
constexpr milliseconds kSetupTimeout{200};  // of validate() or create() where no other one is set
constexpr int kHungFactor = 10;             // of its timeout
constexpr int kStarvedFactor = 100;         // for a call that wants to run and gets no processor
constexpr std::int32_t kHung = -1;
constexpr std::int32_t kExited = -2;

// What the signal handler of this thread must find without looking for it. A process that is killed from outside, or
// that loses its power, leaves no mark, and nobody is blamed for what he was doing just then.
thread_local CallRecord::Page* calling = nullptr;
thread_local std::array<char, 16 * 1024> handler_stack;  // a call that used up its own has none left

void on_fatal(int signal) {
  if (calling != nullptr) calling->ended.store(signal, std::memory_order_release);
  // Returns to where it came from, which does it again, now with the default action.
}

void on_exit_in_call() {
  if (calling != nullptr) calling->ended.store(kExited, std::memory_order_release);
}

void mark_endings() {
  if (kSanitized) return;  // they report such signals themselves
  static const bool once = [] {
    struct sigaction action {};
    action.sa_handler = on_fatal;
    action.sa_flags = static_cast<int>(SA_RESETHAND) | SA_ONSTACK;
    for (const int signal : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGSYS}) ::sigaction(signal, &action, nullptr);
    return std::atexit(on_exit_in_call) == 0;
  }();
  static_cast<void>(once);
}

std::string how(std::int32_t ended, Phase phase) {
  const auto where = phase == Phase::idle ? std::string() : fmt::format(" in {}", to_text(phase));
  if (ended == kHung) return fmt::format("hung in the host's process{}, which ended for it", where);
  if (ended == kExited) return fmt::format("ended the host's process{}", where);
  const char* const name = ::sigabbrev_np(ended);
  return fmt::format("crashed the host's process (SIG{}){}", name == nullptr ? std::to_string(ended) : name, where);
}

template <std::size_t N>
void put(char (&to)[N], std::string_view text) {
  const auto size = std::min(text.size(), N - 1);
  std::memcpy(to, text.data(), size);
  to[size] = '\0';
}

template <std::size_t N>
std::string get(const char (&from)[N]) {
  auto text = json::repair_utf8({from, ::strnlen(from, N)});
  return text;
}

std::int64_t cpu_ns(std::int32_t thread) {
  // The clock of a thread by its number, as the kernel numbers clocks; there is no call for it in the C library.
  constexpr unsigned kThreadSchedClock = 6;
  timespec used{};
  const auto clock = static_cast<clockid_t>((~static_cast<unsigned>(thread) << 3U) | kThreadSchedClock);
  return ::clock_gettime(clock, &used) == 0 ? std::int64_t{used.tv_sec} * 1'000'000'000 + used.tv_nsec : 0;
}

bool runnable(std::int32_t thread) {
  char path[64];
  std::snprintf(path, sizeof path, "/proc/self/task/%d/stat", thread);
  const Fd file(::open(path, O_RDONLY | O_CLOEXEC));
  char text[512] = {};
  if (!file || ::read(file.get(), text, sizeof text - 1) <= 0) return false;
  const char* const name_end = std::strrchr(text, ')');
  return name_end != nullptr && name_end[1] == ' ' && name_end[2] == 'R';
}

tl::unexpected<Error> failed(const std::filesystem::path& file, const char* what) {
  return fail(Code::unavailable, fmt::format("{}: {}: {}", file.string(), what, std::strerror(errno)));
}

}  // namespace

Result<std::unique_ptr<CallRecord>> CallRecord::open(const std::filesystem::path& directory, telemetry::Logger& log,
                                                     Die die) {
  static_assert(sizeof(Page) <= kBytes / kPages);
  DUNE_TRY_VOID(make_private_directory(directory));
  if (!make_private(directory)) log.warn("plugins.recorder_open_to_others", {{"directory", directory.string()}});
  std::error_code error;
  static std::atomic<unsigned> number{0};  // a process may have several, one after the other
  const auto file = directory / fmt::format("{}-{}.calls", ::getpid(), number.fetch_add(1));
  Fd fd(::open(file.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!fd) return failed(file, "cannot be made");
  // Held as long as this process lives: by it others see that it does.
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) return failed(file, "cannot be prepared");
  // Its blocks are taken here: with none left on the disk, writing to the mapping would be a SIGBUS.
  if (const int wrong = ::posix_fallocate(fd.get(), 0, kBytes); wrong != 0) {
    std::filesystem::remove(file, error);
    errno = wrong;
    return failed(file, "cannot be prepared");
  }
  auto* const data = ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
  if (data == MAP_FAILED) return failed(file, "cannot be mapped");
  mark_endings();
  if (!die) die = [](int code) { ::_exit(code); };
  return std::unique_ptr<CallRecord>(
      new CallRecord(file, std::move(fd), static_cast<Page*>(data), log, std::move(die)));
}

CallRecord::CallRecord(std::filesystem::path file, Fd fd, Page* pages, telemetry::Logger& log, Die die)
    : file_(std::move(file)),
      fd_(std::move(fd)),
      pages_(pages),
      log_(log),
      die_(std::move(die)),
      taken_(kPages),
      seen_(kPages),
      watchdog_([this](const std::stop_token& stop) { watch(stop); }) {}

CallRecord::~CallRecord() {
  watchdog_ = {};
  ::munmap(pages_, kBytes);
  std::error_code ignored;  // a leftover without calls in it is no strike
  std::filesystem::remove(file_, ignored);
}

std::unique_ptr<CallRecord::Slot> CallRecord::slot() {
  const std::lock_guard lock(mutex_);
  const auto free = std::ranges::find(taken_, false);
  if (free == taken_.end()) return nullptr;
  *free = true;
  return std::make_unique<Slot>(*this, static_cast<std::size_t>(free - taken_.begin()));
}

CallRecord::Slot::Slot(CallRecord& owner, std::size_t index) : owner_(owner), index_(index) {}

CallRecord::Slot::~Slot() {
  const std::lock_guard lock(owner_.mutex_);
  owner_.taken_[index_] = false;
}

void CallRecord::Slot::run(std::string_view customer_id, std::string_view run_id) {
  auto& page = owner_.pages_[index_];
  put(page.customer, customer_id);
  put(page.run, run_id);
}

void CallRecord::Slot::begin(const Entry& entry, milliseconds timeout, Phase phase) {
  auto& page = owner_.pages_[index_];
  if (calling == nullptr && !kSanitized) {
    const stack_t stack{handler_stack.data(), 0, handler_stack.size()};
    ::sigaltstack(&stack, nullptr);
  }
  calling = &page;
  if (named_ != entry.component) {
    named_ = entry.component;
    put(page.component, entry.component->schema.id);
    put(page.library, entry.library->id);
    put(page.version, entry.library->version);
    put(page.sha256, entry.library->sha256);
  }
  thread_local const auto this_thread = static_cast<std::int32_t>(::syscall(SYS_gettid));
  page.thread.store(this_thread, std::memory_order_relaxed);
  page.timeout_ms.store(timeout.count(), std::memory_order_relaxed);
  page.phase.store(static_cast<std::uint32_t>(phase), std::memory_order_relaxed);
  page.sequence.fetch_add(1, std::memory_order_release);
}

void CallRecord::Slot::end() {
  calling = nullptr;
  owner_.pages_[index_].sequence.fetch_add(1, std::memory_order_release);
}

CallRecord::Setup::Setup(CallRecord* record, const Entry& entry, Phase phase)
    : slot_(record == nullptr ? nullptr : record->slot()) {
  if (slot_ == nullptr) return;
  slot_->run({}, {});
  slot_->begin(entry, kSetupTimeout, phase);
}

CallRecord::Setup::~Setup() {
  if (slot_ != nullptr) slot_->end();
}

void CallRecord::watch(const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any wake;
  std::unique_lock lock(mutex);
  while (!wake.wait_for(lock, stop, kLook, [&] { return stop.stop_requested(); })) look();
}

void CallRecord::look() {
  const auto now = SteadyClock::now();
  for (std::size_t i = 0; i < kPages; ++i) {
    auto& page = pages_[i];
    auto& seen = seen_[i];
    const auto sequence = page.sequence.load(std::memory_order_acquire);
    const auto thread = page.thread.load(std::memory_order_relaxed);
    if (sequence % 2 == 0) continue;
    if (sequence != seen.sequence) {
      seen = {sequence, now, cpu_ns(thread)};
      continue;
    }
    const milliseconds timeout(page.timeout_ms.load(std::memory_order_relaxed));
    const auto took = now - seen.since;
    if (took <= kHungFactor * timeout || page.ended.load(std::memory_order_relaxed) != 0) continue;
    const bool starved = cpu_ns(thread) - seen.cpu_ns < std::chrono::nanoseconds(timeout).count() && runnable(thread);
    if (starved && took <= kStarvedFactor * timeout) continue;
    page.ended.store(kHung, std::memory_order_release);
    // A thread cannot be ended safely; what it was judging is judged again by whoever comes next.
    log_.error("plugin.hung", {{"component", std::string_view(page.component)},
                               {"run", std::string_view(page.run)},
                               {"timeout_ms", timeout.count()},
                               {"took_ms", std::chrono::duration_cast<milliseconds>(took).count()},
                               {"exit_code", kExitHungPlugin}});
    log_.flush();
    die_(kExitHungPlugin);
  }
}

void CallRecord::Leftovers::forget() {
  std::error_code ignored;  // then it is told again, to somebody who knows it
  for (const auto& [file, held] : files) std::filesystem::remove(file, ignored);
  files.clear();
}

CallRecord::Leftovers CallRecord::leftovers(const std::filesystem::path& directory) {
  Leftovers out;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
    if (entry.path().extension() != ".calls") continue;
    Fd fd(::open(entry.path().c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!fd || ::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) continue;  // its process lives
    std::vector<char> bytes(kBytes);
    const auto got = ::read(fd.get(), bytes.data(), bytes.size());
    out.files.emplace_back(entry.path(), std::move(fd));
    if (got != static_cast<ssize_t>(bytes.size())) continue;
    for (std::size_t i = 0; i < kPages; ++i) {
      const auto& page = *reinterpret_cast<const Page*>(bytes.data() + i * sizeof(Page));
      const auto ended = page.ended.load(std::memory_order_relaxed);
      const auto phase = static_cast<Phase>(page.phase.load(std::memory_order_relaxed));
      if (ended == 0 || page.sequence.load(std::memory_order_relaxed) % 2 == 0) continue;
      Strike strike{.component = get(page.component),
                    .library = get(page.library),
                    .version = get(page.version),
                    .sha256 = get(page.sha256),
                    .offence = ended == kHung     ? Offence::deadline
                               : ended == kExited ? Offence::exit
                                                  : Offence::crash,
                    .customer_id = get(page.customer),
                    .run_id = get(page.run),
                    .text = how(ended, phase)};
      if (phase == Phase::validate) out.in_validate.emplace(strike.component, strike.sha256);
      // Two on one run; outside of one, as in create(), it takes more.
      const int times = strike.run_id.empty() ? kStrikesInWindow : kStrikesOnOneRun;
      strike.text += fmt::format("; that counts {} times", times);
      out.strikes.insert(out.strikes.end(), static_cast<std::size_t>(times), strike);
    }
  }
  return out;
}

}  // namespace dunetrace::plugin
