// How runner processes are started and what they may use. Plain values, copied freely.
#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <stop_token>

#include "plugin/services.hpp"
#include "telemetry/log.hpp"

namespace dunetrace::plugin {

struct RunnerOptions {
  // A dunetrace executable. The default is the very file this process was started from, even when its name has been
  // given to another one since.
  std::filesystem::path executable = "/proc/self/exe";
  std::size_t address_space_bytes = std::size_t{1} << 30;  // of a runner; an allocation beyond it fails
  std::size_t resident_bytes = std::size_t{256} << 20;     // a runner that holds more after a batch is replaced
  std::chrono::milliseconds load_limit{5'000};             // reading the libraries, their constructors included
  std::chrono::milliseconds setup_limit{2'000};            // one create or describe
  std::chrono::milliseconds question_limit{1'000};         // one validate or explain
  // After an explain() that crashed or hung, its library is not asked to explain for this long.
  std::chrono::milliseconds explain_pause{60'000};
  std::size_t record_padding_bytes = 0;  // after every record of a run: for tests of plugins
  bool sandbox = true;                   // false for measurements only
  std::stop_token stop{};                // ends what is under way at once, and it is nobody's fault
  Services* services = nullptr;          // takes what plugins ask for; outlives the runners
  telemetry::Logger* log = nullptr;      // outlives the runners
};

class Conduct;

// How destinations and integrations of isolated libraries are run.
struct Outward {
  RunnerOptions runner;        // its services are those the component is created with
  Conduct* conduct = nullptr;  // takes strikes and says who is off, if set; outlives the component
};

}  // namespace dunetrace::plugin
