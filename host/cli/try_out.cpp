#include "cli/try_out.hpp"

#include <fmt/format.h>

#include "plugin/detector.hpp"

namespace dunetrace::cli {

Result<> try_out(const plugin::Generation& generation, telemetry::Logger& log) {
  for (const auto& profile : generation.config.profiles()) {
    for (const auto& settings : profile.detectors) {
      const auto& entry = generation.registry.components().at(settings.component);
      if (!settings.enabled || entry.library->mode == plugin::Mode::isolated) continue;
      const plugin::DetectorOptions options{settings.values, profile.name,
                                            std::chrono::milliseconds(settings.timeout_ms)};
      const auto made = plugin::Detector::create(entry, options, log);
      if (made) continue;
      return fail(made.error().code, fmt::format("{} ({}): {}", profile.name, entry.library->path, made.error().text));
    }
  }
  return {};
}

}  // namespace dunetrace::cli
