// Strikes and quarantines of this process, shared with all others through the database. What a strike decides holds at
// once, in memory; one thread of the role calls cycle(), which writes what was taken and reads what others decided, now
// or when the database is back. All other functions may be called from any thread and never wait for the database.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <set>
#include <stop_token>
#include <string>

#include "core/clock.hpp"
#include "core/result.hpp"
#include "plugin/conduct_memory.hpp"
#include "plugin/generation.hpp"
#include "store/database.hpp"
#include "store/plugin_states.hpp"
#include "telemetry/log.hpp"
#include "telemetry/metrics.hpp"

namespace dunetrace::detect {

class Quarantine final : public plugin::Conduct {
 public:
  // Everything but `host`, the name of this one, outlives it.
  Quarantine(std::string host, store::Database& db, const plugin::Live& live, telemetry::Logger& log,
             telemetry::Metrics& metrics, const Clock& clock);

  [[nodiscard]] std::optional<std::string> off(std::string_view component, std::string_view sha256) const override;
  bool strike(const plugin::Strike& strike) override;

  // Writes the strikes taken, then takes over what is in quarantine. An error means that the database was away and that
  // nothing was lost.
  [[nodiscard]] Result<> cycle();
  // Others' decisions are to be read: the next wait() ends.
  void poke();
  // Until there is something to write or read; false when `limit` passed or when stopping.
  bool wait(const std::stop_token& stop, std::chrono::milliseconds limit);
  [[nodiscard]] std::size_t unwritten() const;

 private:
  using Key = plugin::ConductMemory::Key;

  bool take(const plugin::Strike& strike, store::PluginStrike row);
  Result<> exchange();
  Result<> remember_past();
  Result<> write_strikes();
  Result<> write(const store::PluginStrike& strike);
  Result<> open(const store::PluginStrike& strike, const plugin::ConductMemory::Off& off);
  Result<> take_over();
  void release_others(const std::set<Key>& open);
  void announce(const store::PluginQuarantine& quarantine);
  void show();

  const std::string host_;
  store::Database& db_;
  const plugin::Live& live_;
  telemetry::Logger& log_;
  telemetry::Metrics& metrics_;
  telemetry::Counter& dropped_;
  const Clock& clock_;
  plugin::ConductMemory memory_;

  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<store::PluginStrike> queue_;  // not written yet, oldest first
  bool poked_ = false;

  // Of the thread that calls cycle().
  bool remembers_ = false;        // the strikes of the time before the start
  std::set<Key> stored_;          // open in the database when it was last read
  std::set<Key> here_only_;       // the database refuses what they did; only a restart ends their quarantine
  std::set<Key> announced_;       // by this process
  std::set<std::string> gauges_;  // components with a gauge
};

}  // namespace dunetrace::detect
