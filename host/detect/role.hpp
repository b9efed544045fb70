// The detect role: claims due runs, replays and judges them, writes what was found. Woken by NOTIFY; a poll is the
// safety net. Any number of processes may run it against one database.
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "core/clock.hpp"
#include "plugin/conduct.hpp"
#include "plugin/generation.hpp"
#include "plugin/isolation/runner_options.hpp"
#include "store/database.hpp"
#include "store/run_events.hpp"
#include "telemetry/log.hpp"
#include "telemetry/metrics.hpp"

namespace dunetrace::plugin {
class CallRecord;
}

namespace dunetrace::detect {

struct Options {
  int workers = 2;       // runs judged at once
  int batch_size = 100;  // runs claimed at once
  std::chrono::milliseconds poll_interval{5'000};
  std::chrono::milliseconds stall_timeout{90'000};
  std::chrono::milliseconds lease{3'000};  // after which a dead worker's runs are free; somebody looks thrice in it
  std::size_t load_bytes = store::LoadLimits{}.max_bytes;  // of payloads: of one run, and in each worker at once
  std::string host_name{};                                 // unlike that of any other process; empty = the machine's
  plugin::RunnerOptions runner{};        // how isolated plugins are run; their services outlive the role
  std::filesystem::path recorder_dir{};  // what hosts before this one were calling when they ended; may be empty
  plugin::CallRecord* record = nullptr;  // where this one's calls are written down; outlives the role
};

class Role {
 public:
  // Everything but the options outlives the role. `db` allows at least options.workers + 2 connections.
  Role(Options options, store::Database& db, const plugin::Live& live, telemetry::Logger& log,
       telemetry::Metrics& metrics, const Clock& clock);
  ~Role();  // as request_stop(), and waits
  Role(const Role&) = delete;
  Role& operator=(const Role&) = delete;

  // No further batch is begun. The present ones are finished, but for runs that an isolated plugin is looking at: its
  // runner ends at once and these are given back. Thread-safe.
  void request_stop();
  // From the next look on. Thread-safe.
  void set_stall_timeout(std::chrono::milliseconds timeout);
  // Every worker takes over the generation in force, also those that have nothing to do. Thread-safe.
  void take_over();
  // Who takes strikes for what plugins do elsewhere in this process. Thread-safe; as long as the role.
  [[nodiscard]] plugin::Conduct& conduct();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace dunetrace::detect
