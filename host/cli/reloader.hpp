// Watches detectors.yml and the plugins while the host runs and puts what changed in force. What is wrong is refused
// and told, and what was in force stays. One thread of its own; see plugin::Live for what the others see of it.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "cli/watched_files.hpp"
#include "core/clock.hpp"
#include "core/result.hpp"
#include "plugin/generation.hpp"
#include "telemetry/log.hpp"
#include "telemetry/metrics.hpp"

namespace dunetrace::cli {

class Reloader {
 public:
  // All are called on the reloader's thread.
  struct Options {
    std::chrono::milliseconds poll{500};      // between two looks; a change is read once it stood still for one of them
    std::chrono::milliseconds retry{30'000};  // a refused change is tried again after it: the reason may have gone
    std::chrono::milliseconds longest_retry{
        1'800'000};                     // between two for libraries that are left out; the pause doubles up to it
    std::filesystem::path own_plugins;  // the directory of the host's own plugins
    // Reads what lies on disk now; `previous` is what is in force.
    std::function<Result<plugin::Generation>(const plugin::Generation& previous)> load;
    // Whether the detectors of `next` that `before` does not have can be made at all. May be empty.
    std::function<Result<>(const plugin::Generation& before, const plugin::Generation& next)> try_out;
    std::function<void()> meanwhile;   // with every look: what has to be done now and then. May be empty
    std::function<void()> taken_over;  // after another generation was put in force
  };

  // Everything but the options outlives it. Its first look also finds what changed since `live` was loaded.
  Reloader(Options options, plugin::Live& live, telemetry::Logger& log, telemetry::Metrics& metrics,
           const Clock& clock);
  ~Reloader();  // ends what it is doing first, which may take seconds when a plugin does not answer
  Reloader(const Reloader&) = delete;
  Reloader& operator=(const Reloader&) = delete;

  // Puts nothing in force any more. Does not wait.
  void request_stop() { thread_.request_stop(); }

 private:
  struct Metrics {
    explicit Metrics(telemetry::Metrics& metrics);
    telemetry::Counter &taken_over, &unchanged, &refused;
    telemetry::Gauge &generation, &ok;
  };

  void run(const std::stop_token& stop);
  void look(const std::stop_token& stop);
  [[nodiscard]] Snapshot snapshot();
  void attempt(const Snapshot& settled, const std::stop_token& stop);
  void put_in_force(plugin::Generation next);
  void refuse(const std::string& reason);

  const Options options_;
  const std::filesystem::path file_;
  plugin::Live& live_;
  telemetry::Logger& log_;
  Metrics metrics_;
  const Clock& clock_;
  Identity parsed_;                                                  // of the detectors.yml whose directories are known
  std::vector<std::filesystem::path> directories_;                   // that it names
  Snapshot last_;                                                    // of the latest look
  std::optional<Snapshot> tried_;                                    // what was attempted last
  std::optional<std::chrono::steady_clock::time_point> refused_at_;  // the latest refusal; nothing: all is in force
  std::chrono::steady_clock::time_point attempted_at_{};
  std::chrono::milliseconds left_out_pause_;  // before what is left out is tried again
  bool compared_ = false;                     // what the start loaded with what lay on disk then
  std::string told_;                          // what the latest refusal was of and why, as logged
  std::jthread thread_;
};

}  // namespace dunetrace::cli
