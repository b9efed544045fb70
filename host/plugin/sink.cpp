#include "plugin/sink.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "plugin/take.hpp"

namespace dunetrace::plugin {
namespace {

constexpr std::size_t kMaxTypeBytes = 4096;  // far longer than any name of a type
constexpr std::size_t kMaxQuotedType = 100;  // bytes of a wrong type that are shown

std::string oversize() { return fmt::format("emit: evidence is larger than {} bytes", kMaxEvidenceBytes); }

}  // namespace

// The C callbacks. Each is noexcept: nothing of ours may throw through a plugin's frames.
struct SinkCalls {
  static dune_status emit(dune_sink* s, const dune_signal* signal) noexcept {
    auto& sink = *static_cast<Sink*>(s->impl);
    try {
      return sink.emit(signal);
    } catch (...) {  // a text of a length that there is no memory for
      return sink.refuse_untaken();
    }
  }
  static std::uint32_t cancelled(dune_sink* s) noexcept {
    const auto& sink = *static_cast<Sink*>(s->impl);
    try {
      return sink.cancelled_ && sink.cancelled_() ? 1 : 0;
    } catch (...) {
      return 1;
    }
  }
};

Sink::Sink(const Component& component, std::int32_t current_step, std::function<bool()> cancelled)
    : component_(component), current_step_(current_step), cancelled_(std::move(cancelled)) {
  sink_ = {sizeof sink_, 0, this, evidence_.raw(), SinkCalls::emit, SinkCalls::cancelled};
  reset_evidence();
}

void Sink::reset_evidence() {
  evidence_.clear();
  evidence_.writer().begin_object();
}

dune_status Sink::refuse(std::string why) {
  if (violation_.empty()) violation_ = std::move(why);
  reset_evidence();
  return DUNE_E_INVALID;
}

// What is lost is no signal, whatever the plugin makes of the answer.
dune_status Sink::refuse_untaken() noexcept {
  try {
    return refuse("emit: the signal could not be taken; are its lengths right?");
  } catch (...) {
    violation_ = "emit: no room";  // short enough to need no memory
    return DUNE_E_INVALID;
  }
}

dune_status Sink::emit(const dune_signal* given) {
  dune_signal signal{};
  if (!take(given, signal, offsetof(dune_signal, evidence_json) + sizeof(dune_str)))
    return refuse("emit: no signal record");
  if (signals_.size() >= kMaxSignalsPerCall) {
    refuse(fmt::format("emit: more than {} signals for one run", kMaxSignalsPerCall));
    return DUNE_E_LIMIT;
  }
  // Before anything is copied: nobody knows what lies behind a text of such a length.
  if (signal.type.ptr != nullptr && signal.type.len > kMaxTypeBytes)
    return refuse(fmt::format("emit: a type of {} bytes", signal.type.len));
  if (signal.evidence_json.ptr != nullptr && signal.evidence_json.len > kMaxEvidenceBytes) return refuse(oversize());
  Claim claim{.type = std::string(signal.type.ptr == nullptr ? component_.default_signal_type : view(signal.type)),
              .severity = signal.severity,
              .confidence = signal.confidence,
              .step_index = signal.step_index,
              .evidence = {}};
  if (signal.evidence_json.ptr != nullptr) {
    claim.evidence = view(signal.evidence_json);
  } else {
    if (evidence_.oversize()) return refuse(oversize());
    evidence_.writer().end_object();
    if (!evidence_.writer().complete())
      return refuse("emit: evidence is not well-formed (a key without a value, or an open object)");
    claim.evidence = evidence_.writer().take();
  }
  auto checked = check_signal(component_, current_step_, std::move(claim), parser_);
  if (!checked) return refuse(std::move(checked).error().text);
  signals_.push_back(std::move(*checked));
  reset_evidence();
  return DUNE_OK;
}

Result<Signal> check_signal(const Component& component, std::int32_t current_step, Claim claim, json::Parser& parser) {
  const auto wrong = [](std::string why) { return fail(Code::invalid_argument, "emit: " + std::move(why)); };
  if (!std::ranges::count(component.schema.signal_types, claim.type)) {
    return wrong(fmt::format("type '{}' is neither the default nor one of its templates",
                             json::repair_utf8(std::string_view(claim.type).substr(0, kMaxQuotedType))));
  }
  if (claim.severity < DUNE_SEVERITY_LOW || claim.severity > DUNE_SEVERITY_CRITICAL)
    return wrong(fmt::format("severity {} is not 1 to 4", claim.severity));
  if (!std::isfinite(claim.confidence) || claim.confidence < 0 || claim.confidence > 1)
    return wrong(fmt::format("confidence {} is not within 0 and 1", claim.confidence));
  if (claim.step_index < 0 || claim.step_index > current_step)
    return wrong(fmt::format("step {} is not within the run (0 to {})", claim.step_index, current_step));
  if (claim.evidence.size() > kMaxEvidenceBytes) return fail(Code::invalid_argument, oversize());
  const auto parsed = parser.parse(claim.evidence);
  if (!parsed || !parsed->is_object()) {
    return wrong("evidence is no JSON object: " + (parsed ? std::string("another type") : parsed.error().text));
  }
  if (auto repaired = json::storable(claim.evidence)) claim.evidence = std::move(*repaired);
  Signal out;
  out.failure_type = std::move(claim.type);
  out.severity = static_cast<Severity>(claim.severity);
  out.confidence = claim.confidence;
  out.step_index = claim.step_index;
  out.evidence = std::move(claim.evidence);
  out.detector_id = component.schema.id;
  return out;
}

}  // namespace dunetrace::plugin
