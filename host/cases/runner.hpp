// Plays cases against loaded plugins the way of production (detectors.yml, replay, judge, explain), and once more past
// the judge with padded records. Used by `dunetrace plugin test` and the golden tests; one thread.
//   cases::Runner runner(registry, log, plugin::RunnerOptions{});  // isolated libraries: a crash costs one case
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cases/case_file.hpp"
#include "config/detectors_file.hpp"
#include "detect/judge.hpp"
#include "explain/explainer.hpp"
#include "plugin/isolation/runner_options.hpp"
#include "plugin/no_quarantine.hpp"
#include "plugin/registry.hpp"
#include "telemetry/log.hpp"

namespace dunetrace::cases {

class Runner {
 public:
  // Both outlive the runner. `outside` is needed for libraries that are isolated.
  Runner(const plugin::Registry& registry, telemetry::Logger& log,
         std::optional<plugin::RunnerOptions> outside = std::nullopt);

  // What differs from what the case expects, one text each; empty = passed.
  [[nodiscard]] std::vector<std::string> run(const Case& made) const;

 private:
  void check_text(const Expectation& want, const std::vector<Signal>& signals, std::vector<std::string>& found) const;
  void check_padded(const config::Profile& profile, const Run& run, std::vector<std::string>& found) const;
  void check_padded_outside(const config::DetectorsConfig& config, const Run& run, const detect::Verdict& plain,
                            std::vector<std::string>& found) const;
  [[nodiscard]] detect::Verdict judge(const config::DetectorsConfig& config, const Run& run, std::size_t padding) const;

  const plugin::Registry& registry_;
  telemetry::Logger& log_;
  std::optional<plugin::RunnerOptions> outside_;
  mutable plugin::NoQuarantine conduct_;
  explain::Explainer explainer_;
};

}  // namespace dunetrace::cases
