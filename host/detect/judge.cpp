#include "detect/judge.hpp"

#include <algorithm>
#include <array>

#include "config/config_hash.hpp"
#include "core/hash.hpp"
#include "detect/scoring.hpp"

namespace dunetrace::detect {

constexpr std::array<std::size_t, 2> kSendAfter{6, 16};  // runs of a batch

// One run on its way to a verdict.
struct Judge::Sitting {
  const Run& run;
  const config::Profile& profile;
  std::vector<Seat>& seats;
  std::vector<Part> parts;  // one for each seat
};

Judge::Judge(const plugin::Registry& registry, const config::DetectorsConfig& config, telemetry::Logger& log,
             std::optional<Isolation> isolation)
    : registry_(registry), config_(config), log_(log), isolation_(std::move(isolation)) {
  if (isolation_ && isolation_->record != nullptr) slot_ = isolation_->record->slot();
  const auto isolated = [](const plugin::Library& one) { return one.mode == plugin::Mode::isolated; };
  if (std::ranges::none_of(registry.libraries(), isolated)) return;
  if (!isolation_ || isolation_->conduct == nullptr) {
    no_crew_ = "is isolated, and nothing here runs plugins outside of its own process";
    return;
  }
  if (isolation_->runner.log == nullptr) isolation_->runner.log = &log_;
  auto made = plugin::Crew::make(isolation_->runner, *isolation_->conduct);
  if (made)
    crew_ = std::move(*made);
  else
    no_crew_ = made.error().text;
}

Judge::~Judge() = default;

Judge::Seat Judge::make_seat(const config::Profile& profile, const config::DetectorSettings& settings) {
  const auto& entry = registry_.components().at(settings.component);
  Seat seat{&settings, entry};
  seat.config_hash = config::config_hash(settings, entry.component->schema);
  if (entry.library->mode == plugin::Mode::isolated && crew_)
    seat.remote = crew_->seat(entry, {settings.values, profile.name, std::chrono::milliseconds(settings.timeout_ms)});
  return seat;
}

// Not before it is asked: one that is off for ending its host in create() is not made either.
void Judge::create_here(const config::Profile& profile, Seat& seat) {
  const auto& entry = seat.entry;
  plugin::DetectorOptions options{seat.settings->values, profile.name,
                                  std::chrono::milliseconds(seat.settings->timeout_ms)};
  if (slot_) slot_->run({}, {});
  if (slot_) slot_->begin(entry, options.timeout, plugin::Phase::create);
  auto* const services = isolation_ ? isolation_->runner.services : nullptr;
  seat.detector = services == nullptr ? plugin::Detector::create(entry, std::move(options), log_)
                                      : plugin::Detector::create(entry, std::move(options), *services);
  if (slot_) slot_->end();
  if (*seat.detector) return;
  const auto& why = seat.detector->error();
  log_.error("detector.create_failed", {{"detector", seat.settings->id}, {"reason", why.text}});
  if (why.code == Code::internal) strike(seat, nullptr, why.text);  // it threw
}

std::vector<Judge::Seat>& Judge::seats(const config::Profile& profile) {
  const auto found = seats_.find(&profile);
  if (found != seats_.end()) return found->second;
  std::vector<Seat> made;
  for (const auto& settings : profile.detectors)
    if (settings.enabled) made.push_back(make_seat(profile, settings));
  std::string told;
  for (const auto& seat : made)
    told += seat.settings->id + ' ' + seat.entry.library->version + ' ' + seat.config_hash + '\n';
  config_hashes_.emplace(&profile, hash16(told));
  return seats_.emplace(&profile, std::move(made)).first->second;
}

std::optional<std::string> Judge::blocked(const Seat& seat) const {
  if (!isolation_) return std::nullopt;
  if (isolation_->conduct != nullptr) {
    if (auto why = isolation_->conduct->off(seat.settings->id, seat.entry.library->sha256)) return why;
  }
  if (isolation_->clock == nullptr) return std::nullopt;
  return circuit_.open(seat.settings->id, isolation_->clock->steady());
}

void Judge::strike(const Seat& seat, const Run* run, const std::string& text) {
  if (!isolation_ || isolation_->conduct == nullptr) return;
  const auto& library = *seat.entry.library;
  isolation_->conduct->strike({.component = seat.settings->id,
                               .library = library.id,
                               .version = library.version,
                               .sha256 = library.sha256,
                               .offence = plugin::Offence::violation,
                               .customer_id = run == nullptr ? std::string() : run->source.customer_id,
                               .run_id = run == nullptr ? std::string() : run->source.run_id,
                               .text = text});
}

// False when the run does not fit into what is shared with the runners. `alone`: then it never will.
bool Judge::ask_others(Sitting& sitting, bool alone) {
  const dune_run* laid_out = nullptr;
  for (std::size_t i = 0; i < sitting.seats.size(); ++i) {
    auto& seat = sitting.seats[i];
    auto& part = sitting.parts[i];
    if (seat.entry.library->mode != plugin::Mode::isolated) continue;
    if (auto why = blocked(seat)) {
      part.answer.failure = std::move(why);
      continue;
    }
    if (!seat.remote) {
      part.answer.failure = no_crew_;
      continue;
    }
    if (laid_out == nullptr) laid_out = crew_->add(sitting.run, sitting.profile.name);
    if (laid_out == nullptr) {
      if (!alone) return false;
      part.answer.failure = "the run is larger than what isolated plugins can be shown";
      continue;
    }
    part.ticket = crew_->ask(*seat.remote, laid_out, sitting.run);
  }
  return true;
}

void Judge::ask_here(Sitting& sitting) {
  std::optional<plugin::RunView> view;
  if (slot_) slot_->run(sitting.run.source.customer_id, sitting.run.source.run_id);
  for (std::size_t i = 0; i < sitting.seats.size(); ++i) {
    auto& seat = sitting.seats[i];
    auto& part = sitting.parts[i];
    if (seat.entry.library->mode == plugin::Mode::isolated) continue;
    if (auto why = blocked(seat)) {
      part.answer.failure = std::move(why);
      continue;
    }
    if (!seat.detector) {
      create_here(sitting.profile, seat);
      if (slot_) slot_->run(sitting.run.source.customer_id, sitting.run.source.run_id);
    }
    if (!*seat.detector) {
      part.answer.failure = seat.detector->error().text;
      continue;
    }
    if (!view) view.emplace(sitting.run, sitting.profile.name);
    if (slot_) slot_->begin(seat.entry, std::chrono::milliseconds(seat.settings->timeout_ms));
    auto found = (*seat.detector)->detect(*view);
    if (slot_) slot_->end();
    part.answer.tried = found || found.error().code != Code::invalid_argument;
    if (!part.answer.tried) strike(seat, &sitting.run, found.error().text);
    if (found)
      part.answer.signals = std::move(*found);
    else
      part.answer.failure = std::move(found).error().text;
    count(seat, part.answer);
  }
}

// Failures in a row open the component's circuit; what is worse than a failure is for its conduct.
void Judge::count(const Seat& seat, const plugin::Answer& answer) {
  if (!isolation_ || isolation_->clock == nullptr || !answer.tried) return;
  if (answer.failure)
    circuit_.failed(seat.settings->id, *answer.failure, isolation_->clock->steady());
  else
    circuit_.succeeded(seat.settings->id);
}

void Judge::conclude(Sitting& sitting, Verdict& verdict) {
  verdict.config_hash = config_hashes_.at(&sitting.profile);
  for (std::size_t i = 0; i < sitting.seats.size(); ++i) {
    const auto& seat = sitting.seats[i];
    auto& part = sitting.parts[i];
    if (part.ticket) {
      part.answer = crew_->take(*part.ticket);
      count(seat, part.answer);
    }
    if (part.answer.failure) {
      verdict.failures.push_back(
          {seat.settings->id, std::move(*part.answer.failure), seat.entry.component->schema.signal_types});
      continue;
    }
    for (auto& signal : part.answer.signals) {
      const auto known = [&](const Signal& other) { return other.failure_type == signal.failure_type; };
      if (std::ranges::any_of(verdict.signals, known)) continue;
      signal.config_hash = seat.config_hash;
      signal.shadow = seat.settings->is_shadow(signal.failure_type);
      if (seat.settings->severity) signal.severity = *seat.settings->severity;
      verdict.signals.push_back(std::move(signal));
    }
  }
  score(sitting.run, verdict.signals);
}

std::size_t Judge::sit(std::span<const Run> runs, std::size_t first, std::vector<Verdict>& verdicts) {
  const auto last = std::min(runs.size(), first + kRunsAtOnce);
  // All seats are taken before the first question: a runner that is asked for more than it was started for begins anew.
  for (auto i = first; i < last; ++i)
    if (!runs[i].events.empty()) static_cast<void>(seats(config_.profile_for(runs[i].agent_id)));
  std::vector<std::pair<std::size_t, Sitting>> sittings;
  sittings.reserve(last - first);
  if (crew_) crew_->begin();
  auto next = first;
  for (; next < last; ++next) {
    const auto& run = runs[next];
    if (run.events.empty()) continue;
    const auto& profile = config_.profile_for(run.agent_id);
    auto& taken = seats(profile);
    Sitting sitting{run, profile, taken, std::vector<Part>(taken.size())};
    if (!ask_others(sitting, sittings.empty())) break;
    sittings.emplace_back(next, std::move(sitting));
    // The runners begin while the rest is laid out.
    if (crew_ && std::ranges::count(kSendAfter, sittings.size())) crew_->send();
  }
  if (crew_) crew_->send();
  for (auto& [index, sitting] : sittings) ask_here(sitting);
  if (crew_) crew_->collect();
  for (auto& [index, sitting] : sittings) conclude(sitting, verdicts[index]);
  return next;
}

std::vector<Verdict> Judge::judge(std::span<const Run> runs) {
  std::vector<Verdict> verdicts(runs.size());
  for (std::size_t done = 0; done < runs.size();) done = sit(runs, done, verdicts);
  return verdicts;
}

void Judge::sweep() {
  if (crew_) crew_->sweep();
}

Verdict Judge::judge(const Run& run) { return std::move(judge(std::span(&run, 1)).front()); }

}  // namespace dunetrace::detect
