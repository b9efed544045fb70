#include "plugin/explain_call.hpp"

#include <dunetrace/plugin.h>

#include <cstddef>
#include <exception>

#include "json/writer.hpp"
#include "plugin/host_services.hpp"
#include "plugin/take.hpp"

namespace dunetrace::plugin {
namespace {

constexpr std::size_t kMaxTextBytes = 16 * 1024;
constexpr std::size_t kMaxFixes = 16;

std::string clean(dune_str text) {
  auto out = json::repair_utf8(view(text).substr(0, kMaxTextBytes));
  std::erase(out, '\0');
  return out;
}

void set(dune_explain_out* out, dune_str field, dune_str text) noexcept {
  try {
    static_cast<ExplainOutput*>(out->impl)->fields[clean(field)] = clean(text);
  } catch (...) {  // out of memory: the field keeps what the template said
  }
}

void add_fix(dune_explain_out* out, const dune_fix* fix) noexcept {
  auto& to = *static_cast<ExplainOutput*>(out->impl);
  if (fix == nullptr || to.fixes.size() >= kMaxFixes) return;
  try {
    to.fixes.push_back({clean(fix->description), clean(fix->language), clean(fix->code)});
  } catch (...) {  // as above
  }
}

}  // namespace

ExplainCall explain_call(const Component& component, telemetry::Logger& log) {
  dune_detector_v1 table{};
  if (component.vtable == nullptr ||
      !take(component.vtable, table, offsetof(dune_detector_v1, detect) + sizeof(table.detect)) ||
      table.explain == nullptr) {
    return {};
  }
  return [explain = table.explain, id = component.schema.id,
          &log](const ExplainInput& input) -> std::optional<ExplainOutput> {
    HostServices host(id, log);  // one per call: its JSON reader serves one thread
    host.set_run(input.run_id);
    dune_explain_in in{};
    in.struct_size = sizeof in;
    in.severity = static_cast<std::uint32_t>(input.severity);
    in.signal_type = to_str(input.signal_type);
    in.run_id = to_str(input.run_id);
    in.agent_id = to_str(input.agent_id);
    in.evidence_json = to_str(input.evidence);
    in.confidence = input.confidence;
    in.step_index = input.step_index;
    in.host = host.raw();
    ExplainOutput said;
    dune_explain_out out{sizeof out, 0, &said, set, add_fix};
    dune_error error{};
    try {
      if (explain(&in, &out, &error) == DUNE_OK) return said;
    } catch (...) {  // a plugin built by hand; falls through to the log line
    }
    log.warn("plugin.explain_failed", {{"component", id}, {"run", input.run_id}});
    return std::nullopt;
  };
}

}  // namespace dunetrace::plugin
