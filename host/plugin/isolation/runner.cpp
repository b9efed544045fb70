#include "plugin/isolation/runner.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "json/writer.hpp"
#include "plugin/isolation/child.hpp"
#include "plugin/isolation/forwarded_services.hpp"
#include "plugin/isolation/packing.hpp"
#include "plugin/isolation/sandbox.hpp"

namespace dunetrace::plugin {
namespace {

using SteadyClock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr int kMaxStarts = 8;               // each with another layout of the address space
constexpr milliseconds kStartLimit{5'000};  // from exec to the first word, on a busy machine
constexpr milliseconds kCloseLimit{2'000};
constexpr milliseconds kEndingLimit{100};   // from a closed socket to the end of the process
constexpr milliseconds kSendLimit{2'000};   // a runner that reads nothing is not of use
constexpr milliseconds kStopLook{100};      // how soon it shows that the host is stopping
constexpr int kStarvedFactor = 10;          // of its timeout: for a runner that wants to run and gets no processor
constexpr std::size_t kMaxWishes = 10'000;  // of services for one question: more than fit into any timeout there is
constexpr std::string_view kProgram = "dunetrace";

// A test program or a tool that is started again as a runner would do whatever it does, over and over.
Result<> check_executable(const std::filesystem::path& executable) {
  auto real = executable;
  if (executable == "/proc/self/exe") {
    std::error_code error;
    real = std::filesystem::read_symlink(executable, error);
  }
  if (real.filename().string().starts_with(kProgram)) return {};
  return fail(Code::unavailable, fmt::format("isolated plugins need the {} executable to run in; this is {}", kProgram,
                                             real.filename().string()));
}

std::chrono::nanoseconds cpu_time(pid_t pid) {
  clockid_t clock{};
  timespec used{};
  if (::clock_getcpuclockid(pid, &clock) != 0 || ::clock_gettime(clock, &used) != 0) return std::chrono::nanoseconds(0);
  return std::chrono::seconds(used.tv_sec) + std::chrono::nanoseconds(used.tv_nsec);
}

std::size_t threads_of(pid_t pid) {
  std::error_code error;
  std::filesystem::directory_iterator tasks("/proc/" + std::to_string(pid) + "/task", error);
  return static_cast<std::size_t>(std::distance(begin(tasks), end(tasks)));
}

// Waits for a processor, in contrast to waiting for something else.
bool runnable(pid_t pid) {
  char path[64];
  std::snprintf(path, sizeof path, "/proc/%d/stat", static_cast<int>(pid));
  const Fd file(::open(path, O_RDONLY | O_CLOEXEC));
  char text[512] = {};
  if (!file || ::read(file.get(), text, sizeof text - 1) <= 0) return false;
  const char* const name_end = std::strrchr(text, ')');
  return name_end != nullptr && name_end[1] == ' ' && name_end[2] == 'R';
}

}  // namespace

Runner::Runner(const RunnerOptions& options, Process process, Region answers)
    : options_(options), process_(std::move(process)), answers_(std::move(answers)) {}

Result<std::unique_ptr<Runner>> Runner::start(const RunnerOptions& options, const Region* runs,
                                              std::size_t answer_bytes) {
  DUNE_TRY_VOID(check_executable(options.executable));
  for (int attempt = 1;; ++attempt) {
    DUNE_TRY(answers, Region::make(kRecorderBytes + answer_bytes, Region::Writers::both));
    DUNE_TRY(process, Process::start(options, runs, answers));
    const auto hello = process.channel().receive(SteadyClock::now() + kStartLimit);
    if (hello && hello->kind == Message::reply)
      return std::unique_ptr<Runner>(new Runner(options, std::move(process), std::move(answers)));
    const auto ending = process.wait(kEndingLimit);
    if (!ending.killed_here && !ending.signal && ending.status == kAddressTaken && attempt < kMaxStarts) continue;
    return fail(Code::unavailable, fmt::format("a plugin runner did not start: {}", ending.text()));
  }
}

std::string Runner::doing() const {
  const auto phase = static_cast<Phase>(recorder().phase.load(std::memory_order_relaxed));
  const bool inside = recorder().sequence.load(std::memory_order_acquire) % 2 == 1;
  if (!inside) return fmt::format("after {}", to_text(phase));
  return fmt::format("in {}", to_text(phase));
}

// The runner is gone, or must go for what it did: finds out how and reaps it.
tl::unexpected<Error> Runner::ended(const Error& why, std::string_view what) {
  const auto where = doing();
  const bool in_call = recorder().sequence.load(std::memory_order_acquire) % 2 == 1;
  bool killed_outside = false;
  End end;
  if (why.code == Code::conflict) {  // see receive()
    static_cast<void>(process_.kill());
    end = {Offence::exit, why.text};
  } else if (why.code == Code::timeout) {
    static_cast<void>(process_.kill());
    end = {Offence::deadline, fmt::format("{} {}", what, where)};
  } else if (why.code == Code::invalid_argument) {
    static_cast<void>(process_.kill());
    end = {Offence::violation, fmt::format("sent {} {}", why.text, where)};
  } else {
    const auto ending = process_.wait(kEndingLimit);
    killed_outside = !ending.killed_here && ending.signal == SIGKILL;
    const auto denied = recorder().denied.load(std::memory_order_acquire);
    if (denied != 0) {
      end = {Offence::crash, fmt::format("called {}, which no plugin may, {}", system_call_name(denied - 1), where)};
    } else if (ending.signal == SIGSYS) {  // its signals were blocked just then, as when a thread is started
      end = {Offence::crash, fmt::format("made a system call that no plugin may (SIGSYS) {}", where)};
    } else if (ending.killed_here) {
      end = {Offence::exit, fmt::format("closed its connection to the host {}", where)};
    } else {
      end = {ending.signal ? Offence::crash : Offence::exit, fmt::format("{} {}", ending.text(), where)};
    }
  }
  end.in_call = in_call;
  end.killed_outside = killed_outside;
  end_ = std::move(end);
  return fail(why.code == Code::timeout ? Code::timeout : Code::internal, end_->text);
}

void Runner::give_up(Offence offence, std::string text) {
  if (end_) return;
  static_cast<void>(process_.kill());
  end_ = End{.offence = offence, .text = std::move(text)};
}

bool Runner::still_there() {
  if (end_) return false;
  if (!process_.over()) return true;
  static_cast<void>(ended({Code::unavailable, "has ended"}, ""));
  return false;
}

// A frame in time; Code::conflict when the host is stopping, however long the wait may be.
Result<Frame> Runner::receive(Deadline until) {
  for (;;) {
    if (options_.stop.stop_requested()) return fail(Code::conflict, "the host is stopping");
    const auto look = options_.stop.stop_possible() ? std::min(until, SteadyClock::now() + kStopLook) : until;
    auto frame = process_.channel().receive(look);
    if (frame || frame.error().code != Code::timeout || look == until) return frame;
  }
}

// The next frame that is no request for a service.
Result<Frame> Runner::next(Deadline until) {
  for (;;) {
    DUNE_TRY(frame, receive(until));
    if (frame.kind == Message::reply || frame.kind == Message::done) return frame;
    if (too_many(frame.kind)) return fail(Code::invalid_argument, "more messages than any plugin may");
    if (!serve(frame, process_.channel(), options_.services, until, allowed_))
      return fail(Code::invalid_argument, "a message that makes no sense");
    // However much there is to read: somebody who talks without end is not done either.
    if (SteadyClock::now() >= until) return fail(Code::timeout, "no answer in time");
  }
}

// An honest runner counts its lines itself.
bool Runner::too_many(Message kind) {
  if (kind == Message::log) return ++lines_ > told_ * kMaxLogLines;
  return ++wishes_ > kMaxWishes * std::max<std::size_t>(count_, 1);
}

Result<std::string> Runner::call(Message kind, std::string_view bytes, milliseconds limit) {
  if (end_) return fail(Code::internal, end_->text);
  const auto until = SteadyClock::now() + limit;
  count_ = 0;
  lines_ = wishes_ = 0;
  told_ = 1;
  auto frame = process_.channel().send(kind, bytes, until).and_then([&] { return next(until); });
  if (frame && frame->kind != Message::reply) frame = fail(Code::invalid_argument, "a message that makes no sense");
  if (!frame) return ended(frame.error(), fmt::format("did not answer within {} ms", limit.count()));
  Unpacker in(frame->bytes);
  const auto code = in.u32();
  if (in.ok() && code == 0) return frame->bytes.substr(sizeof code);
  const auto text = json::repair_utf8(in.text());
  if (!in.done()) return ended({Code::invalid_argument, "a message that makes no sense"}, "");
  return fail(static_cast<Code>(std::min<std::uint32_t>(code - 1, static_cast<std::uint32_t>(Code::internal))), text);
}

Result<> Runner::load(const std::filesystem::path& file, const std::vector<std::filesystem::path>& all) {
  Packer packed;
  std::vector<std::string> files{file.string()};
  for (const auto& one : all) files.push_back(one.string());
  packed.text(file.string()).texts(files);
  DUNE_TRY(answer, call(Message::load, packed.bytes(), options_.load_limit));
  return {};
}

Result<> Runner::close() {
  DUNE_TRY(answer, call(Message::close, {}, kCloseLimit));
  Unpacker in(answer);
  missing_ = json::repair_utf8(in.text());
  // Looked at from here, where nothing it does can hide them. The sanitizers have some of their own.
  if (options_.sandbox && !kSanitized && threads_of(process_.pid()) > 1) {
    give_up(Offence::violation, "starts threads while it is loaded, which no plugin may");
    return fail(Code::internal, end_->text);
  }
  return {};
}

Result<> Runner::ask(const Question* table, std::uint32_t first, std::uint32_t count, Pages pages) {
  if (first == 0) {
    count_ = 0;
    parts_ = 0;
  }
  if (end_) return fail(Code::internal, end_->text);
  if (first == 0) {  // nothing is under way, so nobody writes there
    recorder().bytes.store(0, std::memory_order_relaxed);
    recorder().answered.store(0, std::memory_order_relaxed);
    batch_ = {0, SteadyClock::now(), cpu_time(process_.pid())};
    told_ = lines_ = wishes_ = 0;
  }
  watch_ = {recorder().sequence.load(std::memory_order_relaxed), SteadyClock::now(), cpu_time(process_.pid())};
  Packer packed;
  packed.u64(reinterpret_cast<std::uintptr_t>(table)).u32(first).u32(count);
  packed.u64(reinterpret_cast<std::uintptr_t>(pages.begin)).u64(reinterpret_cast<std::uintptr_t>(pages.end));
  const auto sent = process_.channel().send(Message::ask, packed.bytes(), SteadyClock::now() + kSendLimit);
  if (sent) {
    count_ = count;
    ++parts_;
    ++told_;
    return {};
  }
  return ended(sent.error(), "took no question");
}

std::uint32_t Runner::answered() const { return std::min(recorder().answered.load(std::memory_order_acquire), count_); }

// Whether the call that is under way has been so for too long, by what is seen from here.
bool Runner::stuck(milliseconds timeout) {
  const auto now = SteadyClock::now();
  const auto sequence = recorder().sequence.load(std::memory_order_acquire);
  if (sequence != watch_.sequence) {
    watch_ = {sequence, now, cpu_time(process_.pid())};
    return false;
  }
  const auto took = now - watch_.since;
  if (took <= 2 * timeout) return false;
  // Not its fault when the machine has no time for it.
  const bool starved = cpu_time(process_.pid()) - watch_.cpu < timeout && runnable(process_.pid());
  return !starved || took > kStarvedFactor * timeout;
}

// The time for all of its questions is over, and the machine had time for it.
bool Runner::out_of_time(Deadline until) const {
  const auto now = SteadyClock::now();
  if (now < until) return false;
  const auto limit = until - batch_.since;
  const bool starved = cpu_time(process_.pid()) - batch_.cpu < limit / 2 && runnable(process_.pid());
  return !starved || now - batch_.since > kStarvedFactor * limit;
}

Result<bool> Runner::finish_part(const Timeouts& timeouts, Deadline until) {
  if (end_) return fail(Code::internal, end_->text);
  for (;;) {
    const auto timeout = timeouts(std::min(answered(), count_ - 1));
    const auto tick = std::clamp(timeout / 2, milliseconds(5), milliseconds(500));
    auto frame = next(SteadyClock::now() + tick);
    if (frame && frame->kind == Message::done) return --parts_ == 0;
    if (frame) frame = fail(Code::invalid_argument, "a message that makes no sense");
    if (frame.error().code == Code::timeout) {
      const auto late = out_of_time(until);
      if (!late && !stuck(timeout)) continue;
      return ended(frame.error(), late ? "used up the time for all of its questions"
                                       : fmt::format("ran for more than {} ms", 2 * timeout.count()));
    }
    return ended(frame.error(), "");
  }
}

std::string Runner::answers(std::size_t from) const {
  const auto bytes =
      std::min<std::size_t>(recorder().bytes.load(std::memory_order_acquire), answers_.size() - kRecorderBytes);
  if (from >= bytes) return {};
  return {reinterpret_cast<const char*>(answers_.data()) + kRecorderBytes + from, bytes - from};
}

void Runner::tidy() {
  constexpr std::size_t kKept = 256 * 1024;  // an ordinary batch
  if (recorder().bytes.load(std::memory_order_relaxed) > kKept) answers_.discard(kRecorderBytes + kKept);
}

}  // namespace dunetrace::plugin
