#include "backtest/panel.hpp"

#include <algorithm>
#include <chrono>

#include "backtest/call_watch.hpp"
#include "plugin/run_view.hpp"

namespace dunetrace::backtest {
namespace {

// Not the configured one: what is found must not depend on how busy the machine is.
constexpr std::chrono::milliseconds kPatience = std::chrono::minutes(1);

const plugin::Entry& entry_of(const Side& side, const config::DetectorSettings& settings) {
  return side.registry.components().at(settings.component);
}

Result<plugin::Detector> make(const Side& side, const config::Profile& profile,
                              const config::DetectorSettings& settings, telemetry::Logger& log) {
  const CallWatch::Mark mark(settings.id);
  return plugin::Detector::create(entry_of(side, settings), {settings.values, profile.name, kPatience}, log);
}

const config::DetectorSettings* find(const config::Profile& profile, const std::string& id) {
  const auto found = std::ranges::find(profile.detectors, id, &config::DetectorSettings::id);
  return found == profile.detectors.end() || !found->enabled ? nullptr : &*found;
}

}  // namespace

Rows::Rows(const Side& current, const Side& proposed) {
  add(current);
  add(proposed);
}

void Rows::add(const Side& side) {
  for (const auto& profile : side.config.profiles()) {
    for (const auto& settings : profile.detectors) {
      for (const auto& type : entry_of(side, settings).component->schema.signal_types) {
        if (index_.emplace(std::pair(settings.id, type), static_cast<std::uint32_t>(rows_.size())).second)
          rows_.push_back({settings.id, type});
      }
    }
  }
}

std::uint32_t Rows::find(const std::string& detector, const std::string& failure_type) const {
  return index_.at({detector, failure_type});
}

Panel::Panel(const Side& current, const Side& proposed, const Rows& rows, telemetry::Logger& log)
    : current_(current), proposed_(proposed), rows_(rows), log_(log) {}

std::vector<Panel::Seat>& Panel::seats(const Profiles& profiles) {
  const auto found = seats_.find(profiles);
  if (found != seats_.end()) return found->second;
  const auto& [current, proposed] = profiles;
  std::vector<Seat> made;
  for (const auto& now : current->detectors) {
    if (!now.enabled) continue;
    const auto* const would = find(*proposed, now.id);
    const bool same = would != nullptr && would->values == now.values && current->name == proposed->name &&
                      entry_of(current_, now).component->vtable == entry_of(proposed_, *would).component->vtable;
    made.push_back({&now, same ? would : nullptr, make(current_, *current, now, log_), current});
    if (!same && would != nullptr) made.push_back({nullptr, would, make(proposed_, *proposed, *would, log_), proposed});
  }
  for (const auto& would : proposed->detectors) {
    if (!would.enabled || find(*current, would.id) != nullptr) continue;
    made.push_back({nullptr, &would, make(proposed_, *proposed, would, log_), proposed});
  }
  return seats_.emplace(profiles, std::move(made)).first->second;
}

Opinion Panel::ask(const Run& run) {
  Opinion opinion;
  if (run.events.empty()) return opinion;
  const Profiles profiles(&current_.config.profile_for(run.agent_id), &proposed_.config.profile_for(run.agent_id));
  const plugin::RunView now(run, profiles.first->name);
  const bool one_name = profiles.first->name == profiles.second->name;
  std::optional<plugin::RunView> other;
  if (!one_name) other.emplace(run, profiles.second->name);
  for (auto& seat : seats(profiles)) {
    const auto& view = other && seat.profile == profiles.second ? *other : now;
    const auto& id = (seat.now != nullptr ? seat.now : seat.would)->id;
    const auto found = [&]() -> Result<std::vector<Signal>> {
      if (!seat.detector) return tl::unexpected<Error>(seat.detector.error());
      const CallWatch::Mark mark(id, run.source.run_id);
      return seat.detector->detect(view);
    }();
    if (!found) {
      opinion.failures.push_back({id, found.error().text, seat.now != nullptr, seat.would != nullptr});
      continue;
    }
    for (const auto& signal : *found) {
      const auto row = rows_.find(id, signal.failure_type);
      auto finding = std::ranges::find(opinion.findings, row, &Finding::row);
      if (finding == opinion.findings.end()) finding = opinion.findings.insert(finding, Finding{.row = row});
      const auto mark = [&](const config::DetectorSettings* settings) {
        return settings->is_shadow(signal.failure_type) ? Mark::shadow : Mark::live;
      };
      if (seat.now != nullptr) finding->now = mark(seat.now);
      if (seat.would != nullptr) finding->would = mark(seat.would);
    }
  }
  std::ranges::sort(opinion.findings, {}, &Finding::row);
  return opinion;
}

Result<> check_side(const Side& side, telemetry::Logger& log) {
  for (const auto& profile : side.config.profiles()) {
    for (const auto& settings : profile.detectors) {
      if (!settings.enabled) continue;
      DUNE_TRY(detector, make(side, profile, settings, log));
    }
  }
  return {};
}

}  // namespace dunetrace::backtest
