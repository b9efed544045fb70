// The host's end of one runner: starts it, asks it, watches it, and says how it ended. Everything that comes from it is
// hostile. One thread at a time.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"
#include "plugin/conduct.hpp"
#include "plugin/isolation/process.hpp"

namespace dunetrace::plugin {

class Runner {
 public:
  // How it ended against its host's will.
  struct End {
    Offence offence = Offence::crash;
    std::string text;             // "crashed (SIGSEGV) in detect()"
    bool in_call = false;         // of a plugin, by what the runner wrote down
    bool killed_outside = false;  // SIGKILL, and not from here: the machine is short of memory, or an operator
  };
  // How long a question may take, by its number in the present ask().
  using Timeouts = std::function<std::chrono::milliseconds(std::uint32_t)>;

  // Up and ready to load; `runs` is the region it will look at, if any. Errors: Code::unavailable.
  [[nodiscard]] static Result<std::unique_ptr<Runner>> start(const RunnerOptions& options, const Region* runs,
                                                             std::size_t answer_bytes);

  // Maps a library; what its constructors do happens here, with next to no rights. `all`: what will be loaded into this
  // runner, for from the first load on it sees no other files. Then close() takes the rest of its rights away.
  Result<> load(const std::filesystem::path& file, const std::vector<std::filesystem::path>& all = {});
  Result<> close();
  // Any other message and its answer. Errors: what the runner said; or, when it ended or had to be ended, its end()
  // as Code::internal (Code::timeout when it took too long).
  Result<std::string> call(Message kind, std::string_view bytes, std::chrono::milliseconds limit);

  // What a runner may see of the run region while it answers: whole pages, each run on pages of its own.
  struct Pages {
    const std::byte* begin = nullptr;
    const std::byte* end = nullptr;
  };
  // Sends the questions numbered first … count, which are a table in the run region, and does not wait. Their runs lie
  // in `pages`, in the order of the questions. A `first` that is not 0 adds to what was asked before and is not
  // finished.
  Result<> ask(const Question* table, std::uint32_t first, std::uint32_t count, Pages pages);
  // Waits for the answers to one ask() more: true when there is none left. An error means that the runner is at its
  // end; answers that were finished before still count. No question may take more than twice its timeout.
  Result<bool> finish_part(const Timeouts& timeouts, Deadline until);
  // How many questions are answered by now, of all that was asked since a first one.
  [[nodiscard]] std::uint32_t answered() const;
  // A copy of their answers from that byte on, which no runner can change any more. While it is at it, the beginning of
  // one more may follow.
  [[nodiscard]] std::string answers(std::size_t from) const;
  // Has its memory back what a large batch took.
  void tidy();

  [[nodiscard]] bool alive() const { return !end_; }
  // The same for a time when it is asked nothing: finds out whether it has ended meanwhile, and reaps it.
  [[nodiscard]] bool still_there();
  [[nodiscard]] const End& end() const { return *end_; }
  // See Process.
  [[nodiscard]] std::size_t resident_bytes(std::size_t enough) const { return process_.resident_bytes(enough); }
  [[nodiscard]] pid_t pid() const { return process_.pid(); }
  // What of the sandbox the kernel does not allow; empty when all of it holds.
  [[nodiscard]] const std::string& missing() const { return missing_; }
  // Which components it may speak for when it asks for services; all of them unless this is set.
  void speak_for(std::function<bool(std::string_view)> allowed) { allowed_ = std::move(allowed); }
  // Kills it for a reason of the host's own.
  void give_up(Offence offence, std::string text);

 private:
  Runner(const RunnerOptions& options, Process process, Region answers);
  Result<Frame> next(Deadline until);
  Result<Frame> receive(Deadline until);
  tl::unexpected<Error> ended(const Error& why, std::string_view doing);
  [[nodiscard]] std::string doing() const;
  [[nodiscard]] bool stuck(std::chrono::milliseconds timeout);
  [[nodiscard]] bool out_of_time(Deadline until) const;
  [[nodiscard]] bool too_many(Message kind);
  FlightRecorder& recorder() const { return *reinterpret_cast<FlightRecorder*>(answers_.data()); }

  const RunnerOptions options_;
  Process process_;
  Region answers_;
  std::function<bool(std::string_view)> allowed_ = [](std::string_view) { return true; };
  std::string missing_;
  std::optional<End> end_;
  std::uint32_t count_ = 0;  // of what was asked since the beginning
  int parts_ = 0;            // that were asked and are not done
  struct Watch {
    std::uint64_t sequence = 0;
    std::chrono::steady_clock::time_point since;
    std::chrono::nanoseconds cpu{0};
  };
  Watch watch_;
  Watch batch_;                         // since the beginning
  std::size_t told_ = 0;                // messages of ours that it has had since then
  std::size_t lines_ = 0, wishes_ = 0;  // of log, for services, since then
};

}  // namespace dunetrace::plugin
