#include "plugin/explain_call.hpp"

#include <dunetrace/plugin.h>

#include <chrono>
#include <cstddef>
#include <exception>

#include "json/writer.hpp"
#include "plugin/host_services.hpp"
#include "plugin/isolation/outside.hpp"
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

using Explain = dune_status (*)(const dune_explain_in*, dune_explain_out*, dune_error*);

Explain function_of(const Component& component) {
  dune_detector_v1 table{};
  if (component.vtable == nullptr ||
      !take(component.vtable, table, offsetof(dune_detector_v1, detect) + sizeof(table.detect))) {
    return nullptr;
  }
  return table.explain;
}

std::optional<ExplainOutput> ask(Explain explain, HostServices& host, const ExplainInput& input) {
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
  } catch (...) {  // a plugin built by hand; the caller says that it failed
  }
  return std::nullopt;
}

// Under the eyes of the guard; the strike's component, library and file are given.
std::optional<ExplainOutput> ask_guarded(Outside& outside, ExplainGuard& guard, Strike strike,
                                         const ExplainInput& input, telemetry::Logger& log) {
  if (!guard.allows(strike.component, strike.sha256)) return std::nullopt;
  const auto begin = std::chrono::steady_clock::now();
  std::optional<Offence> offence;
  auto said = outside.explain(strike.component, input, &offence);
  guard.took(std::chrono::steady_clock::now() - begin);
  if (offence) {  // no run is judged here: the run's own quarantine rule is not for this
    strike.offence = *offence;
    strike.text = said ? "ended while it explained" : said.error().text;
  }
  if (said && !offence) return std::move(*said);
  if (guard.failed(said ? Code::internal : said.error().code, offence ? &strike : nullptr)) {
    log.warn(
        "plugin.explain_failed",
        {{"component", strike.component}, {"run", input.run_id}, {"reason", said ? strike.text : said.error().text}});
  }
  if (said) return std::move(*said);
  return std::nullopt;
}

}  // namespace

ExplainCall explain_call(const Library& library, const Component& component, telemetry::Logger& log,
                         ExplainGuard& guard) {
  const Strike who{component.schema.id, library.id, library.version, library.sha256, {}, {}, {}, {}};
  if (component.outside != nullptr && component.explains) {
    return [outside = component.outside, who, &guard, &log](const ExplainInput& input) {
      return ask_guarded(*outside, guard, who, input, log);
    };
  }
  auto plain = explain_call(component, log);
  if (!plain) return {};
  return [plain = std::move(plain), who, &guard](const ExplainInput& input) -> std::optional<ExplainOutput> {
    if (!guard.allows(who.component, who.sha256)) return std::nullopt;
    const auto begin = std::chrono::steady_clock::now();
    auto said = plain(input);
    guard.took(std::chrono::steady_clock::now() - begin);
    if (!said) guard.failed(Code::internal, nullptr);
    return said;
  };
}

ExplainCall explain_call(const Component& component, telemetry::Logger& log) {
  const auto id = component.schema.id;
  if (component.outside != nullptr && component.explains) {
    return [outside = component.outside, id, &log](const ExplainInput& input) -> std::optional<ExplainOutput> {
      auto said = outside->explain(id, input);
      if (!said) {
        log.warn("plugin.explain_failed", {{"component", id}, {"run", input.run_id}, {"reason", said.error().text}});
        return std::nullopt;
      }
      return std::move(*said);
    };
  }
  const auto explain = function_of(component);
  if (explain == nullptr) return {};
  return [explain, id, &log](const ExplainInput& input) {
    HostServices host(id, log);  // one per call: its JSON reader serves one thread
    auto said = ask(explain, host, input);
    if (!said) log.warn("plugin.explain_failed", {{"component", id}, {"run", input.run_id}});
    return said;
  };
}

std::optional<ExplainOutput> explain_once(const Component& component, const ExplainInput& input, Services& services) {
  const auto explain = function_of(component);
  if (explain == nullptr) return std::nullopt;
  HostServices host(component, services);
  return ask(explain, host, input);
}

}  // namespace dunetrace::plugin
