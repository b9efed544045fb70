#include "host_findings.hpp"

#include <memory>
#include <stdexcept>

#include "detect/replay.hpp"
#include "json/writer.hpp"
#include "plugin/detector.hpp"
#include "plugin/registry.hpp"
#include "plugin/run_view.hpp"

namespace kit_test {
namespace {

using dunetrace::Result;

template <class T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().text);
  return std::move(*result);
}

dunetrace::RunEvents stored(const std::vector<WireEvent>& events) {
  const auto texts = std::make_shared<std::vector<WireEvent>>(events);
  dunetrace::RunEvents run{"test", "run-1", {}, texts};
  for (const auto& event : *texts) {
    run.events.push_back({static_cast<std::int64_t>(run.events.size() + 1), dunetrace::event_kind(event.type),
                          event.step, event.timestamp, event.type, "agent", "v1", event.payload, std::string_view()});
  }
  return run;
}

std::vector<dunetrace::config::ParamValue> defaults(const dunetrace::plugin::Component& component) {
  std::vector<dunetrace::config::ParamValue> values;
  for (const auto& spec : component.schema.params) values.push_back(spec.def.value());
  return values;
}

}  // namespace

std::vector<std::string> host_findings(const std::string& plugin_file, const std::vector<WireEvent>& events,
                                       const Usual& usual) {
  dunetrace::telemetry::Logger log(dunetrace::telemetry::Level::error);
  std::vector<dunetrace::plugin::Library> libraries;
  libraries.push_back(must(dunetrace::plugin::load_library(plugin_file, true)));
  const auto registry = must(dunetrace::plugin::Registry::of(std::move(libraries)));
  const auto& entry = registry.components().front();
  dunetrace::Baselines baselines;
  if (usual.steps > 0) baselines.p75_steps = usual.steps;
  const auto run = dunetrace::detect::Replayer().replay(stored(events), baselines);
  auto detector = must(dunetrace::plugin::Detector::create(
      entry, {defaults(*entry.component), "default", std::chrono::seconds(5)}, log));
  std::vector<std::string> out;
  for (const auto& signal : must(detector.detect(dunetrace::plugin::RunView(run, "default")))) {
    std::string confidence;
    dunetrace::json::append_number(confidence, signal.confidence);
    out.push_back(signal.failure_type + " " + std::string(to_text(signal.severity)) + " confidence " + confidence +
                  " step " + std::to_string(signal.step_index) + " " + signal.evidence);
  }
  return out;
}

}  // namespace kit_test
