// Destinations and integrations of isolated libraries: each in a runner of its own, which is started again after it has
// ended. Destination::create and Integration::create come here when the library says so. One thread at a time, and
// the thread that creates or calls must live as long as the object: a runner ends with the thread that started it.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"
#include "plugin/conduct.hpp"
#include "plugin/destination.hpp"
#include "plugin/integration.hpp"
#include "plugin/isolation/channel.hpp"
#include "plugin/isolation/runner_options.hpp"
#include "plugin/registry.hpp"

namespace dunetrace::plugin {

class Packer;
class Runner;

// One instance in its runner. It keeps the values, secrets among them, for the next runner, and wipes them at its end.
class OutsideInstance {
 public:
  // Errors: what create() said (Code::invalid_argument), or how its runner ended.
  [[nodiscard]] static Result<std::unique_ptr<OutsideInstance>> create(const Entry& entry,
                                                                       std::vector<config::ParamValue> values,
                                                                       Services& services, const Outward& how);
  ~OutsideInstance();
  OutsideInstance(const OutsideInstance&) = delete;
  OutsideInstance& operator=(const OutsideInstance&) = delete;

  // One call into the instance. Whatever it does, this is over soon after the deadline. Errors: what the runner said;
  // or why the component is off; or how its runner ended, which is a strike.
  [[nodiscard]] Result<std::string> call(Message kind, const Packer& question, std::chrono::milliseconds deadline);
  [[nodiscard]] const Entry& entry() const { return entry_; }
  // What came back makes no sense: the runner ends for it, which is a strike.
  [[nodiscard]] Error refuse(std::string text);

 private:
  OutsideInstance(const Entry& entry, std::vector<config::ParamValue> values, Services& services, const Outward& how);
  Result<> start();
  void take_end();
  void check_memory();
  const Entry entry_;
  std::vector<config::ParamValue> values_;
  const Outward how_;
  std::unique_ptr<Runner> runner_;
};

[[nodiscard]] Result<std::unique_ptr<Destination::Way>> outside_destination(const Entry& entry,
                                                                            std::vector<config::ParamValue> values,
                                                                            Services& services, const Outward& how);
[[nodiscard]] Result<std::unique_ptr<Integration::Way>> outside_integration(const Entry& entry,
                                                                            std::vector<config::ParamValue> values,
                                                                            Services& services, const Outward& how);

}  // namespace dunetrace::plugin
