// Tells the database which components this process has in force and how its last reload went. Used by one thread of the
// role.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "core/clock.hpp"
#include "core/result.hpp"
#include "plugin/generation.hpp"
#include "plugin/isolation/runner_options.hpp"
#include "store/database.hpp"
#include "store/plugin_states.hpp"

namespace dunetrace::detect {

// What the tables show of a generation. `sandbox`: what holds isolated libraries here.
[[nodiscard]] store::PluginReport inventory_of(const plugin::Generation& generation, const plugin::ReloadState& reload,
                                               const std::string& host, const std::string& sandbox);

class Inventory {
 public:
  // Everything but `host`, the name of this one, outlives it.
  Inventory(std::string host, store::Database& db, const plugin::Live& live, const Clock& clock,
            plugin::RunnerOptions runner = {});

  // Reports when something changed, and about once a minute that nothing did. An error means that the database was
  // away; the next call tries again.
  [[nodiscard]] Result<> report();

 private:
  struct Told {
    std::shared_ptr<const plugin::Generation> generation;
    std::optional<double> reload_at;
    std::chrono::steady_clock::time_point when;
  };

  // Found out by starting a runner, and only where something runs in one.
  const std::string& sandbox(const plugin::Registry& registry);

  const std::string host_;
  store::Database& db_;
  const plugin::Live& live_;
  const Clock& clock_;
  const plugin::RunnerOptions runner_;
  std::string sandbox_, unknown_;
  std::optional<Told> told_;
};

}  // namespace dunetrace::detect
