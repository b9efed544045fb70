// One instance of an integration (plugin-abi.md 15): actions with JSON in and JSON out. Asking people before a mutating
// action and keeping the audit log are whoever's who calls. Used by one thread at a time. Runs the plugin in this
// process; needs an entry, values and services only, so it works in a runner as well.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "config/parameters.hpp"
#include "core/result.hpp"
#include "plugin/registry.hpp"
#include "plugin/services.hpp"

namespace dunetrace::plugin {

struct ActionCall {
  std::string action{};
  std::string input = "{}";  // a JSON object
  std::string idempotency_key{};
  std::chrono::milliseconds deadline{30'000};
  bool dry_run = false;  // only describe the change
};

class Integration {
 public:
  // As Destination::create.
  [[nodiscard]] static Result<Integration> create(const Entry& entry, std::vector<config::ParamValue> values,
                                                  Services& services);
  Integration(Integration&&) noexcept;
  Integration& operator=(Integration&&) noexcept;
  ~Integration();

  // The result, one JSON value. Errors: Code::not_found (no such action), Code::invalid_argument (the input), else
  // what the plugin said, prefixed with component and action.
  [[nodiscard]] Result<std::string> invoke(const ActionCall& call);
  [[nodiscard]] const Component& component() const;

 private:
  struct Impl;
  explicit Integration(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace dunetrace::plugin
