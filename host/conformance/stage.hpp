// One detector instance under test: made with given values on a host of a given shape, asked about runs. One thread.
#pragma once

#include <dunetrace/plugin.h>

#include <memory>
#include <string>
#include <vector>

#include "conformance/fake_host.hpp"
#include "conformance/flat_run.hpp"
#include "conformance/guarded.hpp"
#include "conformance/guarded_call.hpp"
#include "conformance/values.hpp"
#include "core/result.hpp"
#include "core/signal.hpp"
#include "plugin/descriptor.hpp"

namespace dunetrace::conformance {

// What one call of detect() came to.
struct Judged {
  dune_status status = DUNE_OK;
  std::string error;  // the plugin's text, or that it threw
  std::vector<Signal> signals;
  std::vector<std::string> breaches;
  double ms = 0;

  // Equal texts mean equal results.
  [[nodiscard]] std::string text() const;
};

class Stage {
 public:
  // Error: create() failed, with its text. `memory_checks`: the configuration is unreadable once create() has returned.
  [[nodiscard]] static Result<std::unique_ptr<Stage>> create(const plugin::Component& component, const Values& values,
                                                             const HostShape& shape = {}, bool memory_checks = false);
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;
  ~Stage();

  [[nodiscard]] Judged judge(const dune_run& run, bool cancelled = false);
  // The plugin's own rule over its values; empty when they are accepted.
  [[nodiscard]] static std::string refusal(const plugin::Component& component, const Values& values);

 private:
  Stage(const plugin::Component& component, const HostShape& shape);

  const plugin::Component& component_;
  HostShape shape_;
  bool memory_checks_ = false;
  GuardedMemory host_memory_{kSmall};
  std::vector<std::unique_ptr<GuardedMemory>> past_;  // records of earlier calls: kept, but unreadable
  FakeHost host_;
  dune_detector_v1 table_{};
  void* instance_ = nullptr;
};

}  // namespace dunetrace::conformance
