#include "detect/quarantine.hpp"

#include <algorithm>

#include "core/ids.hpp"
#include "json/writer.hpp"

namespace dunetrace::detect {
namespace {

// A component is off after two or three strikes, so a queue of this length is many components over a long outage.
constexpr std::size_t kMostUnwritten = 10'000;
constexpr std::size_t kMostTextBytes = 2'000;

plugin::Offence offence_from(std::string_view text) {
  for (const auto offence : {plugin::Offence::deadline, plugin::Offence::exit, plugin::Offence::violation}) {
    if (text == plugin::to_text(offence)) return offence;
  }
  return plugin::Offence::crash;
}

// The words of a strike may be a plugin's own. What the database cannot hold would be tried for ever.
std::string storable(std::string_view text) {
  auto clean = json::repair_utf8(text.substr(0, kMostTextBytes));
  std::ranges::replace(clean, '\0', ' ');
  return clean;
}

plugin::Strike strike_from(const store::PluginStrike& row) {
  return {row.component,   row.library, row.version, row.sha256, offence_from(row.offence),
          row.customer_id, row.run_id,  row.text};
}

}  // namespace

Quarantine::Quarantine(std::string host, store::Database& db, const plugin::Live& live, telemetry::Logger& log,
                       telemetry::Metrics& metrics, const Clock& clock)
    : host_(std::move(host)),
      db_(db),
      live_(live),
      log_(log),
      metrics_(metrics),
      dropped_(metrics.counter("dunetrace_plugin_strikes_dropped_total",
                               "Strikes that took effect here and could not be stored")),
      clock_(clock),
      memory_(clock) {}

std::optional<std::string> Quarantine::off(std::string_view component, std::string_view sha256) const {
  return memory_.off(component, sha256);
}

bool Quarantine::strike(const plugin::Strike& strike) {
  metrics_
      .counter("dunetrace_plugin_strikes_total", "Things plugins did that they must not do",
               {{"component", strike.component}, {"offence", std::string(to_text(strike.offence))}})
      .add();
  store::PluginStrike row{new_uuid(),
                          storable(strike.component),
                          storable(strike.sha256),
                          storable(strike.library),
                          storable(strike.version),
                          clock_.unix_seconds(),
                          std::string(to_text(strike.offence)),
                          storable(strike.customer_id),
                          storable(strike.run_id),
                          storable(strike.text),
                          host_};
  const bool is_off = take(strike, std::move(row));
  log_.warn("plugin.strike", {{"component", strike.component},
                              {"library", strike.library},
                              {"version", strike.version},
                              {"offence", to_text(strike.offence)},
                              {"run", strike.run_id},
                              {"reason", strike.text},
                              {"off", is_off}});
  return is_off;
}

bool Quarantine::take(const plugin::Strike& strike, store::PluginStrike row) {
  const std::lock_guard lock(mutex_);
  if (queue_.size() == kMostUnwritten) {
    queue_.pop_front();
    dropped_.add();
  }
  queue_.push_back(std::move(row));
  changed_.notify_all();
  // Under the lock: whoever compares what is off with what is to be written sees either both or neither.
  return memory_.strike(strike);
}

void Quarantine::poke() {
  const std::lock_guard lock(mutex_);
  poked_ = true;
  changed_.notify_all();
}

bool Quarantine::wait(const std::stop_token& stop, std::chrono::milliseconds limit) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, stop, limit, [this] { return poked_ || !queue_.empty(); });
}

std::size_t Quarantine::unwritten() const {
  const std::lock_guard lock(mutex_);
  return queue_.size();
}

Result<> Quarantine::cycle() {
  {
    const std::lock_guard lock(mutex_);
    poked_ = false;  // before the question: what comes after it asks again
  }
  auto done = exchange();
  show();  // also while the database is away
  return done;
}

Result<> Quarantine::exchange() {
  DUNE_TRY_VOID(remember_past());
  DUNE_TRY_VOID(write_strikes());
  return take_over();
}

// A crash may have ended the process that met it: two on one run are two also with a restart in between.
Result<> Quarantine::remember_past() {
  if (remembers_) return {};
  DUNE_TRY(past, store::recent_strikes(db_));
  for (const auto& row : past) memory_.remember(strike_from(row), row.at);
  // A process that ended between a strike and its consequence left the consequence to us.
  for (const auto& [key, off] : memory_.all_off()) {
    const auto of_this = [&key = key](const auto& row) {
      return row.component == key.first && row.sha256 == key.second;
    };
    const auto last = std::ranges::find_if(past, of_this);
    if (last != past.end()) DUNE_TRY_VOID(open(*last, off));
  }
  remembers_ = true;
  return {};
}

Result<> Quarantine::write_strikes() {
  while (true) {
    store::PluginStrike next;
    {
      const std::lock_guard lock(mutex_);
      if (queue_.empty()) return {};
      next = queue_.front();
    }
    auto written = write(next);
    if (!written) {
      if (written.error().code != Code::internal) return written;
      dropped_.add();
      here_only_.insert({next.component, next.sha256});
      log_.error("plugin.strike_refused", {{"component", next.component}, {"reason", written.error().text}});
    }
    const std::lock_guard lock(mutex_);
    // A full queue may have dropped it meanwhile.
    if (!queue_.empty() && queue_.front().uid == next.uid) queue_.pop_front();
  }
}

// The rules are applied to all that is stored as well: other processes may have seen the other strikes.
Result<> Quarantine::write(const store::PluginStrike& strike) {
  DUNE_TRY_VOID(store::record_strike(db_, strike));
  DUNE_TRY(history, store::strikes_of(db_, strike.component, strike.sha256));
  plugin::ConductMemory everywhere(clock_);
  for (const auto& row : history) everywhere.remember(strike_from(row), row.at);
  const Key key(strike.component, strike.sha256);
  auto decided = everywhere.all_off();
  if (!decided.contains(key)) decided = memory_.all_off();
  const auto found = decided.find(key);
  return found == decided.end() || stored_.contains(key) ? Result<>() : open(strike, found->second);
}

Result<> Quarantine::open(const store::PluginStrike& strike, const plugin::ConductMemory::Off& off) {
  const store::PluginQuarantine quarantine{strike.component, strike.sha256, strike.library,
                                           strike.version,   off.since,     off.reason};
  DUNE_TRY(opened, store::open_quarantine(db_, quarantine, host_));
  if (opened) announce(quarantine);
  return {};
}

Result<> Quarantine::take_over() {
  DUNE_TRY(rows, store::open_quarantines(db_));
  std::set<Key> open;
  for (const auto& row : rows) {
    const Key key(row.component, row.sha256);
    open.insert(key);
    if (stored_.contains(key)) continue;
    memory_.set_off(key, {row.since, row.reason});
    if (!announced_.contains(key)) {
      log_.warn("plugin.off", {{"component", row.component},
                               {"version", row.version},
                               {"since", plugin::utc_text(row.since)},
                               {"reason", row.reason}});
    }
  }
  release_others(open);
  stored_ = std::move(open);
  return {};
}

// What is off here and not there was enabled by an operator, unless the strikes that led to it are still to be written.
void Quarantine::release_others(const std::set<Key>& open) {
  for (const auto& [key, off] : memory_.all_off()) {
    if (open.contains(key) || here_only_.contains(key)) continue;
    {
      const std::lock_guard lock(mutex_);
      const auto of_this = [&key = key](const auto& row) {
        return row.component == key.first && row.sha256 == key.second;
      };
      if (std::ranges::any_of(queue_, of_this)) continue;
      memory_.clear(key);
    }
    announced_.erase(key);
    log_.info("plugin.enabled", {{"component", key.first}, {"was", off.reason}});
  }
}

// The one error line of a quarantine: only the process whose row was the first one writes it.
void Quarantine::announce(const store::PluginQuarantine& quarantine) {
  announced_.insert({quarantine.component, quarantine.sha256});
  log_.error("plugin.quarantined",
             {{"component", quarantine.component},
              {"library", quarantine.library},
              {"version", quarantine.version},
              {"sha256", quarantine.sha256},
              {"reason", quarantine.reason},
              {"remedy", "replace its file, or run: dunetrace plugins enable " + quarantine.component}});
}

// 1 for a component whose file that is in force is off.
void Quarantine::show() {
  const auto off = memory_.all_off();
  std::set<std::string> now;
  const auto generation = live_.current();
  for (const auto& entry : generation->registry.components()) {
    if (off.contains({entry.component->schema.id, entry.library->sha256})) now.insert(entry.component->schema.id);
  }
  gauges_.insert(now.begin(), now.end());
  for (const auto& component : gauges_) {
    metrics_
        .gauge("dunetrace_plugin_quarantined", "1 while the component is off for what it did",
               {{"component", component}})
        .set(now.contains(component) ? 1 : 0);
  }
}

}  // namespace dunetrace::detect
