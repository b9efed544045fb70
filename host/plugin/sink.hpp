// Where a detector pushes what it found (plugin-abi.md 12): the evidence writer and emit() with its checks.
// Lives for one detect() call, on one thread.
#pragma once

#include <dunetrace/plugin.h>

#include <functional>
#include <string>
#include <vector>

#include "core/result.hpp"
#include "core/signal.hpp"
#include "json/reader.hpp"
#include "plugin/descriptor.hpp"
#include "plugin/json_out.hpp"

namespace dunetrace::plugin {

// Evidence lists every call of a loop, and a run may have thousands of them.
constexpr std::size_t kMaxEvidenceBytes = 1024 * 1024;
constexpr std::size_t kMaxEvidenceDepth = 60;  // as deep as a payload may be: evidence can be part of one
constexpr std::size_t kMaxSignalsPerCall = 8;

// A signal as somebody claims it: a plugin here, or a runner.
struct Claim {
  std::string type;
  std::uint32_t severity = 0;
  double confidence = 0;
  std::int32_t step_index = 0;
  std::string evidence;
};

// The rules for one signal of `component` about a run that is at `current_step`; evidence comes out as the database
// takes it. Errors (Code::invalid_argument) say which rule is broken.
[[nodiscard]] Result<Signal> check_signal(const Component& component, std::int32_t current_step, Claim claim,
                                          json::Parser& parser);

class Sink {
 public:
  // `cancelled` is asked when the plugin polls; it says whether the deadline has passed.
  Sink(const Component& component, std::int32_t current_step, std::function<bool()> cancelled);
  Sink(const Sink&) = delete;
  Sink& operator=(const Sink&) = delete;

  [[nodiscard]] dune_sink* raw() { return &sink_; }
  // What was emitted, in order, with type, severity, confidence, step and evidence.
  [[nodiscard]] std::vector<Signal>& signals() { return signals_; }
  // The first contract violation; empty when there was none.
  [[nodiscard]] const std::string& violation() const { return violation_; }

 private:
  dune_status emit(const dune_signal* signal);
  dune_status refuse(std::string why);
  dune_status refuse_untaken() noexcept;
  void reset_evidence();
  friend struct SinkCalls;

  const Component& component_;
  std::int32_t current_step_;
  std::function<bool()> cancelled_;
  json::Parser parser_{kMaxEvidenceDepth + 1};
  JsonOut evidence_{kMaxEvidenceBytes};
  dune_sink sink_{};
  std::vector<Signal> signals_;
  std::string violation_;
};

}  // namespace dunetrace::plugin
