#include "cli/try_out.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <vector>

#include "plugin/detector.hpp"
#include "plugin/isolation/trial.hpp"

namespace dunetrace::cli {
namespace {

const plugin::Entry& entry_of(const plugin::Generation& generation, const config::DetectorSettings& settings) {
  return generation.registry.components().at(settings.component);
}

// The same bytes with the same values under the same name of a section.
bool in_force(const plugin::Generation& before, const std::string& profile, const plugin::Library& library,
              const config::DetectorSettings& settings) {
  const auto& profiles = before.config.profiles();
  const auto old = std::ranges::find(profiles, profile, &config::Profile::name);
  if (old == profiles.end()) return false;
  const auto was = std::ranges::find(old->detectors, settings.id, &config::DetectorSettings::id);
  if (was == old->detectors.end() || !was->enabled || was->values != settings.values) return false;
  const auto& old_library = *entry_of(before, *was).library;
  return old_library.path == library.path && old_library.sha256 == library.sha256 && old_library.mode == library.mode;
}

tl::unexpected<Error> refused(const Error& why, const std::string& profile, const plugin::Library& library) {
  return fail(why.code, fmt::format("{}: a detector of {} cannot be made: {}", profile, library.path, why.text));
}

}  // namespace

Result<> try_out(const plugin::Generation& before, const plugin::Generation& next, const plugin::RunnerOptions& runner,
                 plugin::CallRecord* record) {
  for (const auto& profile : next.config.profiles()) {
    std::map<const plugin::Library*, std::vector<plugin::TrialSeat>> outside;  // one runner each
    for (const auto& settings : profile.detectors) {
      const auto& entry = entry_of(next, settings);
      if (!settings.enabled || in_force(before, profile.name, *entry.library, settings)) continue;
      plugin::DetectorOptions options{settings.values, profile.name, std::chrono::milliseconds(settings.timeout_ms)};
      if (entry.library->mode == plugin::Mode::isolated) {
        outside[entry.library].push_back({entry.component, std::move(options)});
        continue;
      }
      const plugin::CallRecord::Setup written(record, entry, plugin::Phase::create);
      const auto made = plugin::Detector::create(entry, std::move(options), *runner.log);
      if (!made) return refused(made.error(), profile.name, *entry.library);
    }
    for (const auto& [library, seats] : outside) {
      const auto made = plugin::try_outside(*library, seats, runner);
      if (!made) return refused(made.error(), profile.name, *library);
    }
  }
  return {};
}

}  // namespace dunetrace::cli
