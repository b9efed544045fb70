#include "plugin/sink.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "plugin/take.hpp"

namespace dunetrace::plugin {

// The C callbacks. Each is noexcept: nothing of ours may throw through a plugin's frames.
struct SinkCalls {
  static Sink& self(const dune_json* json) { return *static_cast<Sink*>(json->impl); }

  // Runs `write` on the evidence writer unless it has grown too large already.
  template <class F>
  static void on(dune_json* json, F write) noexcept {
    auto& sink = self(json);
    if (sink.oversize_) return;
    try {
      write(sink.writer_);
      sink.oversize_ = sink.writer_.text().size() > kMaxEvidenceBytes || sink.writer_.depth() > 64;
    } catch (...) {
      sink.oversize_ = true;
    }
  }
  static void begin_object(dune_json* j) noexcept {
    on(j, [](json::Writer& w) { w.begin_object(); });
  }
  static void end_object(dune_json* j) noexcept {
    on(j, [](json::Writer& w) { w.end_object(); });
  }
  static void begin_array(dune_json* j) noexcept {
    on(j, [](json::Writer& w) { w.begin_array(); });
  }
  static void end_array(dune_json* j) noexcept {
    on(j, [](json::Writer& w) { w.end_array(); });
  }
  static void key(dune_json* j, dune_str s) noexcept {
    on(j, [&](json::Writer& w) { w.key(clean(s)); });
  }
  static void str(dune_json* j, dune_str s) noexcept {
    on(j, [&](json::Writer& w) { s.ptr == nullptr ? w.null() : w.string(clean(s)); });
  }
  static void i64(dune_json* j, std::int64_t v) noexcept {
    on(j, [&](json::Writer& w) { w.integer(v); });
  }
  static void f64(dune_json* j, double v) noexcept {
    on(j, [&](json::Writer& w) { w.real(v); });
  }
  static void boolean(dune_json* j, std::uint32_t v) noexcept {
    on(j, [&](json::Writer& w) { w.boolean(v != 0); });
  }
  static void null(dune_json* j) noexcept {
    on(j, [](json::Writer& w) { w.null(); });
  }
  static void raw(dune_json* j, dune_str s) noexcept {
    on(j, [&](json::Writer& w) { w.raw(view(s)); });
  }

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

 private:
  // jsonb refuses U+0000, so a text loses it here.
  static std::string clean(dune_str s) {
    std::string text(view(s));
    std::erase(text, '\0');
    return text;
  }
};

Sink::Sink(const Component& component, std::int32_t current_step, std::function<bool()> cancelled)
    : component_(component), current_step_(current_step), cancelled_(std::move(cancelled)) {
  evidence_ = {sizeof evidence_,
               0,
               this,
               SinkCalls::begin_object,
               SinkCalls::end_object,
               SinkCalls::begin_array,
               SinkCalls::end_array,
               SinkCalls::key,
               SinkCalls::str,
               SinkCalls::i64,
               SinkCalls::f64,
               SinkCalls::boolean,
               SinkCalls::null,
               SinkCalls::raw};
  sink_ = {sizeof sink_, 0, this, &evidence_, SinkCalls::emit, SinkCalls::cancelled};
  reset_evidence();
}

void Sink::reset_evidence() {
  writer_.clear();
  writer_.begin_object();
  oversize_ = false;
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
    if (oversize_) return refuse(fmt::format("emit: evidence is larger than {} bytes", kMaxEvidenceBytes));
    writer_.end_object();
    if (!writer_.complete())
      return refuse("emit: evidence is not well-formed (a key without a value, or an open object)");
    evidence = writer_.take();
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
