// What the host offers to one plugin instance (plugin-abi.md 9): log and the extensions its kind may use.
// Must outlive the instance. log() may be called from any thread; the JSON reader by one thread at a time.
#pragma once

#include <dunetrace/ext/json.h>
#include <dunetrace/plugin.h>

#include <string>

#include "json/reader.hpp"
#include "telemetry/log.hpp"

namespace dunetrace::plugin {

class HostServices {
 public:
  HostServices(std::string component, telemetry::Logger& log);
  HostServices(const HostServices&) = delete;
  HostServices& operator=(const HostServices&) = delete;

  [[nodiscard]] const dune_host* raw() const { return &host_; }
  // The run that is being looked at, for log lines; empty between calls.
  void set_run(std::string_view run_id) { run_id_ = run_id; }

 private:
  friend struct HostCalls;
  Result<json::Value> find(dune_str text, dune_str pointer);

  std::string component_;
  telemetry::Logger& log_;
  std::string run_id_;
  json::Parser parser_;
  dune_host host_{};
};

}  // namespace dunetrace::plugin
