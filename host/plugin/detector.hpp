// One instance of a detector plugin: created with its parameters, asked about runs, destroyed. Used by one thread at a
// time. This is the in-process way; whatever runs detectors elsewhere offers the same two functions.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "config/parameters.hpp"
#include "core/result.hpp"
#include "core/signal.hpp"
#include "plugin/descriptor.hpp"
#include "plugin/registry.hpp"
#include "plugin/run_view.hpp"
#include "plugin/services.hpp"
#include "telemetry/log.hpp"

namespace dunetrace::plugin {

struct DetectorOptions {
  std::vector<config::ParamValue> values;  // in schema order
  std::string category;                    // section of detectors.yml
  std::chrono::milliseconds timeout{50};   // after it the plugin's cancelled() says so
};

class Detector {
 public:
  // Calls the plugin's create. Error: its own text, prefixed with the component id.
  [[nodiscard]] static Result<Detector> create(const Entry& entry, DetectorOptions options, telemetry::Logger& log);
  // The same with everything a detector may ask of its host; `services` outlives it.
  [[nodiscard]] static Result<Detector> create(const Entry& entry, DetectorOptions options, Services& services);
  Detector(Detector&&) noexcept;
  Detector& operator=(Detector&&) noexcept;
  ~Detector();

  // The signals of one run in emission order, with detector id and version filled in. A failure status is an error
  // with the reason (Code::internal), a contract violation likewise (Code::invalid_argument); signals emitted before it
  // are dropped.
  [[nodiscard]] Result<std::vector<Signal>> detect(const dune_run& run);
  [[nodiscard]] Result<std::vector<Signal>> detect(const RunView& run) { return detect(run.raw()); }
  [[nodiscard]] const Component& component() const;

 private:
  struct Impl;
  explicit Detector(std::unique_ptr<Impl> impl);
  [[nodiscard]] static Result<Detector> make(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// The plugin's own rule over several parameters as config::ComponentSchema::check; empty when it has none.
[[nodiscard]] std::function<std::optional<std::string>(std::span<const config::ParamValue>)> parameter_check(
    const Component& component);

}  // namespace dunetrace::plugin
