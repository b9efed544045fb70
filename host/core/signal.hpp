// What a detector found in a run. The host knows a failure type only as text that came from a plugin.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace dunetrace {

enum class Severity : std::uint8_t { low = 1, medium = 2, high = 3, critical = 4 };

[[nodiscard]] constexpr std::string_view to_text(Severity severity) {
  switch (severity) {
    case Severity::low:
      return "LOW";
    case Severity::medium:
      return "MEDIUM";
    case Severity::high:
      return "HIGH";
    case Severity::critical:
      return "CRITICAL";
  }
  return "LOW";
}

// "HIGH" → high; only the exact upper-case names.
[[nodiscard]] constexpr std::optional<Severity> severity_from(std::string_view text) {
  for (const auto s : {Severity::low, Severity::medium, Severity::high, Severity::critical}) {
    if (text == to_text(s)) return s;
  }
  return std::nullopt;
}

struct Signal {
  std::string failure_type;  // "TOOL_…", from the plugin
  Severity severity = Severity::low;
  double confidence = 0;  // 0 … 1
  std::int32_t step_index = 0;
  std::string evidence;  // a JSON object
  bool shadow = false;   // stored and shown on request, never alerted
  std::int32_t co_signal_count = 0;
  std::string detector_id;       // component that found it
  std::string detector_version;  // version of the plugin library
  std::string config_hash;       // of what the detector was told (config/config_hash.hpp)
};

}  // namespace dunetrace
