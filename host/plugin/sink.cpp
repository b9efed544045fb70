#include "plugin/sink.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "plugin/take.hpp"

namespace dunetrace::plugin {

// The C callbacks. Each is noexcept: nothing of ours may throw through a plugin's frames.
struct SinkCalls {
  static dune_status emit(dune_sink* s, const dune_signal* signal) noexcept {
    auto& sink = *static_cast<Sink*>(s->impl);
    try {
      return sink.emit(signal);
    } catch (...) {
      return DUNE_E_INTERNAL;
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

dune_status Sink::emit(const dune_signal* given) {
  dune_signal signal{};
  if (!take(given, signal, offsetof(dune_signal, evidence_json) + sizeof(dune_str)))
    return refuse("emit: no signal record");
  if (signals_.size() >= kMaxSignalsPerCall) {
    refuse(fmt::format("emit: more than {} signals for one run", kMaxSignalsPerCall));
    return DUNE_E_LIMIT;
  }
  const std::string type(signal.type.ptr == nullptr ? component_.default_signal_type : view(signal.type));
  if (!std::ranges::count(component_.schema.signal_types, type)) {
    return refuse(
        fmt::format("emit: type '{}' is neither the default nor one of its templates", json::repair_utf8(type)));
  }
  if (signal.severity < DUNE_SEVERITY_LOW || signal.severity > DUNE_SEVERITY_CRITICAL) {
    return refuse(fmt::format("emit: severity {} is not 1 to 4", signal.severity));
  }
  if (!std::isfinite(signal.confidence) || signal.confidence < 0 || signal.confidence > 1) {
    return refuse(fmt::format("emit: confidence {} is not within 0 and 1", signal.confidence));
  }
  if (signal.step_index < 0 || signal.step_index > current_step_) {
    return refuse(fmt::format("emit: step {} is not within the run (0 to {})", signal.step_index, current_step_));
  }
  std::string evidence;
  if (signal.evidence_json.ptr != nullptr) {
    evidence = view(signal.evidence_json);
  } else {
    if (evidence_.oversize()) return refuse(fmt::format("emit: evidence is larger than {} bytes", kMaxEvidenceBytes));
    evidence_.writer().end_object();
    if (!evidence_.writer().complete())
      return refuse("emit: evidence is not well-formed (a key without a value, or an open object)");
    evidence = evidence_.writer().take();
  }
  if (evidence.size() > kMaxEvidenceBytes)
    return refuse(fmt::format("emit: evidence is larger than {} bytes", kMaxEvidenceBytes));
  const auto parsed = parser_.parse(evidence);
  if (!parsed || !parsed->is_object()) {
    return refuse("emit: evidence is no JSON object: " + (parsed ? std::string("another type") : parsed.error().text));
  }
  if (auto repaired = json::storable(evidence)) evidence = std::move(*repaired);
  Signal out;
  out.failure_type = type;
  out.severity = static_cast<Severity>(signal.severity);
  out.confidence = signal.confidence;
  out.step_index = signal.step_index;
  out.evidence = std::move(evidence);
  out.detector_id = component_.schema.id;
  signals_.push_back(std::move(out));
  reset_evidence();
  return DUNE_OK;
}

}  // namespace dunetrace::plugin
