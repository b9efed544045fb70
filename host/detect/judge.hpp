// Lets every enabled detector look at runs and scores what they found. One Judge per thread: it owns the detector
// instances of the profiles it has met, and the runners of isolated libraries.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "config/detectors_file.hpp"
#include "core/clock.hpp"
#include "core/result.hpp"
#include "core/run.hpp"
#include "core/signal.hpp"
#include "plugin/circuit.hpp"
#include "plugin/conduct.hpp"
#include "plugin/detector.hpp"
#include "plugin/isolation/call_record.hpp"
#include "plugin/isolation/crew.hpp"
#include "plugin/isolation/runner_options.hpp"
#include "plugin/registry.hpp"
#include "telemetry/log.hpp"

namespace dunetrace::detect {

// A detector that could not judge the run; the others' signals stand.
struct Failure {
  std::string detector;
  std::string reason;
  std::vector<std::string> signal_types;  // that it could have emitted
};

struct Verdict {
  std::vector<Signal> signals;  // scored; at most one per failure type
  std::vector<Failure> failures;
  std::string config_hash;  // of all that were asked: who they are and what they were told
};

// What a Judge needs for plugins that may misbehave. Everything outlives it.
struct Isolation {
  plugin::RunnerOptions runner{};      // its log is the Judge's where it has none
  plugin::Conduct* conduct = nullptr;  // who is off, and who hears of strikes
  const Clock* clock = nullptr;
  plugin::CallRecord* record = nullptr;  // for calls in this process; may be absent
};

// So many runs are judged at once: enough to make the way to a runner cheap.
constexpr std::size_t kRunsAtOnce = 32;

class Judge {
 public:
  // All of these outlive the Judge. `config` was resolved against registry.schemas(). Without `isolation` detectors of
  // isolated libraries fail, saying so, and nobody is ever off.
  Judge(const plugin::Registry& registry, const config::DetectorsConfig& config, telemetry::Logger& log,
        std::optional<Isolation> isolation = std::nullopt);
  ~Judge();
  Judge(const Judge&) = delete;
  Judge& operator=(const Judge&) = delete;

  [[nodiscard]] Verdict judge(const Run& run);
  // The same for many, in their order; isolated detectors work while the others do.
  [[nodiscard]] std::vector<Verdict> judge(std::span<const Run> runs);
  // The latest verdicts are of no use: plugins were not heard to the end because the host is stopping.
  [[nodiscard]] bool interrupted() const { return crew_ && crew_->interrupted(); }
  // To be called now and then while there is nothing to judge: ends runners that nobody needs, reaps those that ended.
  void sweep();

 private:
  struct Seat {
    const config::DetectorSettings* settings;
    plugin::Entry entry;
    std::optional<Result<plugin::Detector>>
        detector{};                         // in process: it, or why it could not be created; once it was asked
    std::optional<std::uint32_t> remote{};  // isolated: its number in the crew
    std::string config_hash{};              // of what it was told
  };
  // One detector's part of one run's verdict.
  struct Part {
    plugin::Answer answer{};
    std::optional<plugin::Crew::Ticket> ticket{};  // until the answer is there
  };
  struct Sitting;

  std::vector<Seat>& seats(const config::Profile& profile);
  [[nodiscard]] Seat make_seat(const config::Profile& profile, const config::DetectorSettings& settings);
  void create_here(const config::Profile& profile, Seat& seat);
  // Judges from `first` on as many as there is room for; returns where it ended.
  std::size_t sit(std::span<const Run> runs, std::size_t first, std::vector<Verdict>& verdicts);
  bool ask_others(Sitting& sitting, bool alone);
  void ask_here(Sitting& sitting);
  void conclude(Sitting& sitting, Verdict& verdict);
  [[nodiscard]] std::optional<std::string> blocked(const Seat& seat) const;
  void count(const Seat& seat, const plugin::Answer& answer);
  void strike(const Seat& seat, const Run* run, const std::string& text);  // no run: in create()

  const plugin::Registry& registry_;
  const config::DetectorsConfig& config_;
  telemetry::Logger& log_;
  std::optional<Isolation> isolation_;
  std::string no_crew_;  // why there is none
  std::unique_ptr<plugin::Crew> crew_;
  plugin::Circuit circuit_;
  std::unique_ptr<plugin::CallRecord::Slot> slot_;
  std::map<const config::Profile*, std::vector<Seat>> seats_;
  std::map<const config::Profile*, std::string> config_hashes_;
};

}  // namespace dunetrace::detect
