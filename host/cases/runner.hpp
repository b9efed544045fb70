// Plays cases against loaded plugins the way of production (detectors.yml, replay, judge, explain), and once more past
// the judge with padded records. Used by `dunetrace plugin test` and the golden tests; one thread.
#pragma once

#include <string>
#include <vector>

#include "cases/case_file.hpp"
#include "config/detectors_file.hpp"
#include "explain/explainer.hpp"
#include "plugin/registry.hpp"
#include "telemetry/log.hpp"

namespace dunetrace::cases {

class Runner {
 public:
  // Both outlive the runner.
  Runner(const plugin::Registry& registry, telemetry::Logger& log);

  // What differs from what the case expects, one text each; empty = passed.
  [[nodiscard]] std::vector<std::string> run(const Case& made) const;

 private:
  void check_text(const Expectation& want, const std::vector<Signal>& signals, std::vector<std::string>& found) const;
  void check_padded(const config::Profile& profile, const Run& run, std::vector<std::string>& found) const;

  const plugin::Registry& registry_;
  telemetry::Logger& log_;
  explain::Explainer explainer_;
};

}  // namespace dunetrace::cases
