// What `plugin describe`, `doc`, `run` and `test` stand on: a library that is never mapped into this process, so that
// whatever it does is an outcome and not the end of the tool. One thread.
//   Trial trial;
//   DUNE_TRY(library, trial.open(file));
//   detect::Judge(registry, config, trial.log(), trial.isolation());
#pragma once

#include <filesystem>

#include "core/result.hpp"
#include "detect/judge.hpp"
#include "plugin/descriptor.hpp"
#include "plugin/isolation/runner_options.hpp"
#include "plugin/no_quarantine.hpp"
#include "plugin/services.hpp"
#include "telemetry/log.hpp"

namespace dunetrace::cli {

// Prints what the plugin logs as plain lines on stderr; nothing else is granted.
class SpokenServices final : public plugin::Services {
 public:
  void log(std::string_view component, std::string_view run, telemetry::Level level, std::string_view text) override;
  Result<plugin::HttpReply> http(std::string_view component, const plugin::HttpRequest& request) override;
  Result<> counter_add(std::string_view, std::string_view, double) override { return {}; }
  Result<> observe(std::string_view, std::string_view, double) override { return {}; }
};

class Trial {
 public:
  Trial() = default;
  Trial(const Trial&) = delete;
  Trial& operator=(const Trial&) = delete;

  // Described in a process of its own, isolated. It and what refers to it must not outlive this.
  [[nodiscard]] Result<plugin::Library> open(const std::filesystem::path& file);
  [[nodiscard]] plugin::RunnerOptions runner();
  [[nodiscard]] detect::Isolation isolation();
  // Says nothing: what goes wrong is printed where it is shown.
  [[nodiscard]] telemetry::Logger& log() { return log_; }

 private:
  telemetry::Logger log_{telemetry::Level::error, "/dev/null"};
  SpokenServices services_;
  plugin::NoQuarantine conduct_;
};

}  // namespace dunetrace::cli
