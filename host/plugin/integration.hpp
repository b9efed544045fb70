// One instance of an integration (plugin-abi.md 15): actions with JSON in and JSON out. Asking people before a mutating
// action and keeping the audit log are whoever's who calls. Used by one thread at a time. Where the
// plugin's code runs, here or in a runner, is the library's business; the results are the same.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "config/parameters.hpp"
#include "core/result.hpp"
#include "json/reader.hpp"
#include "plugin/isolation/runner_options.hpp"
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
  [[nodiscard]] static Result<Integration> create(const Entry& entry, std::vector<config::ParamValue> values,
                                                  Services& services, const Outward& how);
  Integration(Integration&&) noexcept;
  Integration& operator=(Integration&&) noexcept;
  ~Integration();

  // The result, one JSON value. Errors: Code::not_found (no such action), Code::invalid_argument (the input), else
  // what the plugin said, prefixed with component and action.
  [[nodiscard]] Result<std::string> invoke(const ActionCall& call);
  [[nodiscard]] const Component& component() const { return *entry_.component; }

  // Where its code runs.
  class Way {
   public:
    Way() = default;
    Way(const Way&) = delete;
    Way& operator=(const Way&) = delete;
    virtual ~Way() = default;
    [[nodiscard]] virtual Result<std::string> invoke(const ActionCall& call) = 0;
  };

 private:
  Integration(const Entry& entry, std::unique_ptr<Way> way);
  Entry entry_;
  std::unique_ptr<Way> way_;
};

// The rules for both ways: whether the component has that action and the input is an object; whether a result is one
// JSON value that others can read and store.
[[nodiscard]] Result<> check_call(const Component& component, const ActionCall& call, json::Parser& parser);
[[nodiscard]] Result<std::string> check_result(std::string text, json::Parser& parser);

}  // namespace dunetrace::plugin
