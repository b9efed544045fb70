#include "plugin/conduct_memory.hpp"

#include <algorithm>
#include <ctime>

namespace dunetrace::plugin {
namespace {

// Two strikes on one run count however long apart they are, as far as this memory goes. A component is off after three
// quick ones, so more than a handful are slow ones.
constexpr std::size_t kMostRemembered = 100;

}  // namespace

std::string utc_text(double unix_seconds) {
  const auto seconds = static_cast<std::time_t>(unix_seconds);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

std::string quarantine_reason(const std::vector<std::string_view>& offences, bool on_one_run) {
  std::string list;
  for (const auto offence : offences) {
    if (!list.empty()) list += ", ";
    list += offence;
  }
  return std::to_string(offences.size()) + (on_one_run ? " strikes on one run (" : " strikes within 10 minutes (") +
         list + ")";
}

std::optional<std::string> ConductMemory::off(std::string_view component, std::string_view sha256) const {
  const std::lock_guard lock(mutex_);
  // Asked for every detector of every run, and few are off: looking at all of them makes no strings.
  const auto found = std::ranges::find_if(
      off_, [&](const auto& entry) { return entry.first.first == component && entry.first.second == sha256; });
  if (found == off_.end()) return std::nullopt;
  return "quarantined since " + utc_text(found->second.since) + ": " + found->second.reason;
}

bool ConductMemory::strike(const Strike& strike) {
  const std::lock_guard lock(mutex_);
  return take(strike, clock_.unix_seconds());
}

void ConductMemory::remember(const Strike& strike, double at) {
  const std::lock_guard lock(mutex_);
  take(strike, at);
}

bool ConductMemory::take(const Strike& strike, double at) {
  const Key key(strike.component, strike.sha256);
  auto& seen = seen_[key];
  // A NUL cannot be in either name, so no two runs read alike.
  seen.push_back({at, strike.offence,
                  strike.run_id.empty() ? std::string() : strike.customer_id + std::string(1, '\0') + strike.run_id});
  if (seen.size() > kMostRemembered) seen.pop_front();
  if (off_.contains(key)) return true;
  std::vector<std::string_view> recent;
  std::vector<std::string_view> same_run;
  for (const auto& one : seen) {
    if (one.at > at - std::chrono::duration<double>(kStrikeWindow).count()) recent.push_back(to_text(one.offence));
    if (!one.run.empty() && one.run == seen.back().run) same_run.push_back(to_text(one.offence));
  }
  const bool on_one_run = same_run.size() >= kStrikesOnOneRun;
  if (!on_one_run && recent.size() < kStrikesInWindow) return false;
  off_.emplace(key, Off{at, quarantine_reason(on_one_run ? same_run : recent, on_one_run)});
  return true;
}

void ConductMemory::set_off(const Key& key, Off off) {
  const std::lock_guard lock(mutex_);
  off_.insert_or_assign(key, std::move(off));
}

void ConductMemory::clear(const Key& key) {
  const std::lock_guard lock(mutex_);
  off_.erase(key);
  seen_.erase(key);
}

std::map<ConductMemory::Key, ConductMemory::Off> ConductMemory::all_off() const {
  const std::lock_guard lock(mutex_);
  return off_;
}

}  // namespace dunetrace::plugin
