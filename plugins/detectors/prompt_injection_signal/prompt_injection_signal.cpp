// PROMPT_INJECTION_SIGNAL: passes on what the client's scan of the user's input found. The input itself never leaves
// the client and is not scanned again. Called by the host through the ABI, one thread at a time per instance.
#include <dunetrace/detector.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <string_view>
#include <tuple>

#include "common/evidence.hpp"
#include "common/first_party.hpp"
#include "common/formulas.hpp"
#include "explanation.hpp"

namespace {

// The evidence is an object that a stranger wrote. What no scan writes is cut down to the members that are known.
constexpr std::size_t kMaxDepth = 48, kMaxBytes = 512 * 1024;
constexpr std::size_t kMaxLabels = 5;  // a scan reports at most so many

struct PromptInjectionSignal : detectors::FirstParty {
  struct Params {};
  static constexpr const char* plugin_id = "dunetrace.prompt_injection_signal";
  static constexpr const char* id = "prompt_injection_signal";
  static constexpr const char* title = "Prompt injection";
  static constexpr const char* signal = "PROMPT_INJECTION_SIGNAL";
  static constexpr const char* doc = "The client's scan found patterns of a prompt injection in the user's input.";
  static constexpr const auto& templates = prompt_injection_signal_text::kExplanations;
  static constexpr auto params = std::make_tuple();

  PromptInjectionSignal(const Params&, dunetrace::Host host) : json_(host) {}

  // The first run.started that carries a finding decides; clients that start a run twice repeat it.
  void detect(dunetrace::Run run, dunetrace::Sink& out) const {
    for (const dunetrace::Event event : run.events()) {
      if (event.kind() != DUNE_EVENT_RUN_STARTED) continue;
      const auto payload = event.payload_json();
      if (json_.type_of(payload, "/injection_signal") != DUNE_JSON_TYPE_OBJECT) continue;
      const auto found = json_.raw(payload, "/injection_signal").value_or("");
      if (detectors::is_empty_object(found)) continue;
      report(found, out);
      return;
    }
  }

 private:
  void report(std::string_view finding, dunetrace::Sink& out) const {
    auto found = out.signal(dunetrace::Severity::critical, confidence_of(finding), 0);
    if (finding.size() <= kMaxBytes && depth_of(finding) <= kMaxDepth) {
      found.evidence(finding).emit();
      return;
    }
    found.with("matched_pattern_count", json_.i64(finding, "/matched_pattern_count"));
    found.with_array("matched_patterns", [&](dunetrace::JsonWriter& labels) {
      for (std::size_t i = 0; i < kMaxLabels; ++i) {
        const auto label = json_.string(finding, "/matched_patterns/" + std::to_string(i));
        if (label) labels.value(detectors::clip(*label));
      }
    });
    found.with("input_length", json_.i64(finding, "/input_length")).emit();
  }

  // A count is a whole number; one that is none, or beyond 64 bits, reads as missing, which counts as one pattern.
  double confidence_of(std::string_view finding) const {
    const double count = std::trunc(json_.f64(finding, "/matched_pattern_count").value_or(1.0));
    const bool fits = count >= -0x1p63 && count < 0x1p63;
    return std::clamp(detectors::scale(fits ? count : 1.0), 0.0, 1.0);
  }

  // Nesting of a valid JSON text.
  static std::size_t depth_of(std::string_view json) {
    std::size_t depth = 0, deepest = 0;
    bool in_text = false;
    for (std::size_t i = 0; i < json.size(); ++i) {
      const char c = json[i];
      if (in_text && c == '\\') {
        ++i;
      } else if (c == '"') {
        in_text = !in_text;
      } else if (!in_text && (c == '{' || c == '[')) {
        deepest = std::max(deepest, ++depth);
      } else if (!in_text && (c == '}' || c == ']')) {
        --depth;
      }
    }
    return deepest;
  }

  dunetrace::JsonReader json_;
};

}  // namespace

DUNE_DETECTOR_PLUGIN(PromptInjectionSignal)
