// The flight recorder of plugins in the host's own process (plugin-abi.md 20): a file that outlives a crash says who
// was being called, and a watchdog ends the process when a call never returns. Slots are used by one thread each; the
// rest is thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "core/result.hpp"
#include "plugin/conduct.hpp"
#include "plugin/isolation/channel.hpp"
#include "plugin/isolation/region.hpp"
#include "plugin/registry.hpp"
#include "telemetry/log.hpp"

namespace dunetrace::plugin {

// A service manager starts a process again that ended with this.
constexpr int kExitHungPlugin = 70;

// Component and SHA-256 of libraries whose parameters cannot be checked: that ended a host. It would do so at every
// start.
using SilentChecks = std::set<std::pair<std::string, std::string>>;

class CallRecord {
 public:
  struct Page;  // what is in the file for one thread
  // How the process is ended when a plugin hangs in it.
  using Die = std::function<void(int)>;

  // Makes a file of this process's own in `directory` (made when missing) and starts the watchdog. `log` outlives it.
  [[nodiscard]] static Result<std::unique_ptr<CallRecord>> open(const std::filesystem::path& directory,
                                                                telemetry::Logger& log, Die die = {});
  ~CallRecord();  // the file goes with it
  CallRecord(const CallRecord&) = delete;
  CallRecord& operator=(const CallRecord&) = delete;

  // What one thread is doing. Given back with its end; it must not outlive the record.
  class Slot {
   public:
    Slot(CallRecord& owner, std::size_t index);
    Slot(const Slot&) = delete;
    Slot& operator=(const Slot&) = delete;
    ~Slot();
    // Which run is looked at from now on.
    void run(std::string_view customer_id, std::string_view run_id);
    // A call into the component begins; the thread that calls says so, and when it is over.
    void begin(const Entry& entry, std::chrono::milliseconds timeout, Phase phase = Phase::detect);
    void end();

   private:
    CallRecord& owner_;
    const std::size_t index_;
    const Component* named_ = nullptr;  // whose names are in the page
  };
  // nullptr when more threads ask than there are pages.
  [[nodiscard]] std::unique_ptr<Slot> slot();
  // For one call outside of a run, as while a configuration is read: written down from here to its destructor.
  class Setup {
   public:
    // `record` may be nullptr. The entry is only read here.
    Setup(CallRecord* record, const Entry& entry, Phase phase);
    Setup(const Setup&) = delete;
    Setup& operator=(const Setup&) = delete;
    ~Setup();

   private:
    std::unique_ptr<Slot> slot_;
  };

  // What processes of that directory left behind that crashed, exited or were ended by the watchdog in a call. A plugin
  // that takes its host with it is off at once, so each strike is given as often as that takes. The files stay, and
  // nobody else reads them while this lives, until forget(): whoever ends before the strikes are stored tells them
  // again.
  struct Leftovers {
    std::vector<Strike> strikes;
    SilentChecks in_validate;  // who did that in validate()
    std::vector<std::pair<std::filesystem::path, Fd>> files;
    void forget();
  };
  [[nodiscard]] static Leftovers leftovers(const std::filesystem::path& directory);

 private:
  CallRecord(std::filesystem::path file, Fd fd, Page* pages, telemetry::Logger& log, Die die);
  void watch(const std::stop_token& stop);
  void look();

  struct Seen {
    std::uint64_t sequence = 0;
    std::chrono::steady_clock::time_point since;
    std::int64_t cpu_ns = 0;
  };
  const std::filesystem::path file_;
  const Fd fd_;
  Page* const pages_;
  telemetry::Logger& log_;
  const Die die_;
  std::mutex mutex_;
  std::vector<bool> taken_;
  std::vector<Seen> seen_;  // the watchdog's
  std::jthread watchdog_;
};

}  // namespace dunetrace::plugin
