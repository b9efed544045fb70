#include "detect/judge.hpp"

#include <algorithm>

#include "detect/scoring.hpp"

namespace dunetrace::detect {

Judge::Judge(const plugin::Registry& registry, const config::DetectorsConfig& config, telemetry::Logger& log)
    : registry_(registry), config_(config), log_(log) {}

std::vector<Judge::Seat>& Judge::seats(const config::Profile& profile) {
  const auto found = seats_.find(&profile);
  if (found != seats_.end()) return found->second;
  std::vector<Seat> made;
  for (const auto& settings : profile.detectors) {
    if (!settings.enabled) continue;
    const auto& entry = registry_.components().at(settings.component);
    made.push_back(
        {&settings, plugin::Detector::create(
                        entry, {settings.values, profile.name, std::chrono::milliseconds(settings.timeout_ms)}, log_)});
    if (!made.back().detector)
      log_.error("detector.create_failed", {{"detector", settings.id}, {"reason", made.back().detector.error().text}});
  }
  return seats_.emplace(&profile, std::move(made)).first->second;
}

void Judge::ask(Seat& seat, const plugin::RunView& view, Verdict& verdict) {
  auto found = seat.detector ? seat.detector->detect(view)
                             : Result<std::vector<Signal>>(tl::unexpected<Error>(seat.detector.error()));
  if (!found) {
    const auto& schema = registry_.components().at(seat.settings->component).component->schema;
    verdict.failures.push_back({seat.settings->id, found.error().text, schema.signal_types});
    return;
  }
  for (auto& signal : *found) {
    const auto known = [&](const Signal& other) { return other.failure_type == signal.failure_type; };
    if (std::ranges::any_of(verdict.signals, known)) continue;
    signal.shadow = seat.settings->is_shadow(signal.failure_type);
    if (seat.settings->severity) signal.severity = *seat.settings->severity;
    verdict.signals.push_back(std::move(signal));
  }
}

Verdict Judge::judge(const Run& run) {
  Verdict verdict;
  if (run.events.empty()) return verdict;
  const auto& profile = config_.profile_for(run.agent_id);
  const plugin::RunView view(run, profile.name);
  for (auto& seat : seats(profile)) ask(seat, view, verdict);
  score(run, verdict.signals);
  return verdict;
}

}  // namespace dunetrace::detect
