// Instances of alerts and integrations under test, and making instances of any kind. One thread.
#pragma once

#include <dunetrace/plugin.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "conformance/fake_host.hpp"
#include "conformance/flat_run.hpp"
#include "conformance/guarded.hpp"
#include "conformance/values.hpp"
#include "core/result.hpp"
#include "plugin/descriptor.hpp"

namespace dunetrace::conformance {

// The three interfaces begin with the same two calls.
struct LifeCalls {
  dune_status (*create)(const dune_host*, const dune_config*, void**, dune_error*) = nullptr;
  void (*destroy)(void*) = nullptr;
  // Error: the table is too small or lacks one of them.
  [[nodiscard]] static Result<LifeCalls> of(const plugin::Component& component);
};

// Makes and destroys instances with the same host and values.
class Maker {
 public:
  Maker(const plugin::Component& component, const Values& values, const HostShape& shape = {});
  // Why it failed; empty when it did not.
  [[nodiscard]] std::string make_and_destroy();

 private:
  GuardedMemory memory_{kSmall};
  FakeHost host_;
  const dune_config* config_;
  Result<LifeCalls> calls_;
};

// An alert or an integration that lives on a host with canned answers.
class Instance {
 public:
  [[nodiscard]] static Result<std::unique_ptr<Instance>> create(const plugin::Component& component,
                                                                const Values& values, const HostShape& shape = {});
  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;
  ~Instance();

  [[nodiscard]] FakeHost& host() { return host_; }

  struct Done {
    dune_status status = DUNE_OK;
    std::string error;                  // of a failure
    std::string result;                 // integrations: the JSON that was written
    bool whole = false;                 // integrations: it is one complete value
    std::int64_t retry_after_ms = 0;    // alerts
    std::vector<std::string> breaches;  // of the result, the requests and the log lines
  };
  [[nodiscard]] Done deliver(const std::vector<dune_alert>& alerts, std::string_view key = "key-1");
  [[nodiscard]] Done invoke(std::string_view action, std::string_view input, bool dry_run);

 private:
  Instance(const plugin::Component& component, const HostShape& shape);

  const plugin::Component& component_;
  HostShape shape_;
  GuardedMemory memory_{kSmall};
  FakeHost host_;
  LifeCalls calls_;
  void* instance_ = nullptr;
};

}  // namespace dunetrace::conformance
