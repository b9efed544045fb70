// Lets every enabled detector look at a run and scores what they found. One Judge per thread: it owns the detector
// instances of the profiles it has met.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "config/detectors_file.hpp"
#include "core/result.hpp"
#include "core/run.hpp"
#include "core/signal.hpp"
#include "plugin/detector.hpp"
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
};

class Judge {
 public:
  // All three outlive the Judge. `config` was resolved against registry.schemas().
  Judge(const plugin::Registry& registry, const config::DetectorsConfig& config, telemetry::Logger& log);

  [[nodiscard]] Verdict judge(const Run& run);

 private:
  struct Seat {
    const config::DetectorSettings* settings;
    Result<plugin::Detector> detector;  // or why it could not be created
  };
  std::vector<Seat>& seats(const config::Profile& profile);
  void ask(Seat& seat, const plugin::RunView& view, Verdict& verdict);

  const plugin::Registry& registry_;
  const config::DetectorsConfig& config_;
  telemetry::Logger& log_;
  std::map<const config::Profile*, std::vector<Seat>> seats_;
};

}  // namespace dunetrace::detect
