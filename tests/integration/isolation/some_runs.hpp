// What the tests of isolation share: runs, detectors in either mode, and a look at what this process holds.
#pragma once

#include <filesystem>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "config/detectors_file.hpp"
#include "core/clock.hpp"
#include "detect/judge.hpp"
#include "plugin/conduct_memory.hpp"
#include "plugin/isolation/outside.hpp"
#include "plugin/registry.hpp"
#include "testing/test_log.hpp"

namespace dunetrace::testing {

// A run in which several of the shipped detectors find something; `events` is about how long it is.
[[nodiscard]] Run some_run(const std::string& run_id, std::size_t events = 100);
// Ten of them, the one at `evil` with an id that begins so.
[[nodiscard]] std::vector<Run> some_runs(std::size_t evil = 5);

[[nodiscard]] std::filesystem::path shipped_plugins();
[[nodiscard]] std::filesystem::path hostile_plugin(const std::string& name);

// A Judge with all that it needs. Hostile libraries come first, so that whatever they do comes before the others.
class Stage {
 public:
  struct Options {
    plugin::Mode shipped = plugin::Mode::isolated;
    std::vector<std::string> hostile{};  // names of libraries
    std::string config{};                // detectors.yml
    bool all_in_process = false;
    bool sandbox = true;
    bool hostile_is_ours = false;  // and shares a runner with the shipped ones
    std::stop_token stop{};        // of the host
  };
  explicit Stage(const Options& options);

  [[nodiscard]] std::vector<detect::Verdict> judge(const std::vector<Run>& runs) { return judge_->judge(runs); }
  // One run by another configuration, with runners of its own.
  [[nodiscard]] detect::Verdict judge_by(const config::DetectorsConfig& config, const Run& run);
  void sweep() { judge_->sweep(); }
  [[nodiscard]] bool interrupted() const { return judge_->interrupted(); }
  void end() { judge_.reset(); }
  [[nodiscard]] plugin::ConductMemory& conduct() { return conduct_; }
  [[nodiscard]] TestLog& log() { return log_; }
  [[nodiscard]] const plugin::Registry& registry() const { return *registry_; }

 private:
  [[nodiscard]] detect::Isolation isolation();

  const bool sandbox_;
  std::stop_token stop_;
  TestLog log_;
  SystemClock clock_;
  plugin::ConductMemory conduct_{clock_};
  std::unique_ptr<plugin::Registry> registry_;
  std::unique_ptr<config::DetectorsConfig> config_;
  std::unique_ptr<detect::Judge> judge_;
};

[[nodiscard]] plugin::RunnerOptions runner_options(telemetry::Logger& log);

// One line for each signal but those of `without`, for comparing.
[[nodiscard]] std::string summary(const detect::Verdict& verdict, const std::string& without = {});
// The reason why that detector failed; empty when it did not.
[[nodiscard]] std::string failure_of(const detect::Verdict& verdict, const std::string& detector);

// Of this process, and whatever they started.
[[nodiscard]] std::vector<int> runner_pids();
[[nodiscard]] std::size_t open_descriptors();
[[nodiscard]] std::size_t resident_bytes();
[[nodiscard]] bool has_children();  // running, stopped or dead

}  // namespace dunetrace::testing
