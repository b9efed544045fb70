// The rules of plugin-abi.md 20 over what this process has seen: three strikes within ten minutes, or two on one run,
// and a component of a file is off. Whoever keeps quarantines elsewhere as well tells it by set_off() and clear().
// Thread-safe; no call waits for anything.
#pragma once

#include <chrono>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/clock.hpp"
#include "plugin/conduct.hpp"

namespace dunetrace::plugin {

constexpr std::chrono::minutes kStrikeWindow{10};
constexpr int kStrikesInWindow = 3;
constexpr int kStrikesOnOneRun = 2;

class ConductMemory final : public Conduct {
 public:
  using Key = std::pair<std::string, std::string>;  // component, sha256
  struct Off {
    double since = 0;  // Unix seconds
    std::string reason;
  };

  explicit ConductMemory(const Clock& clock) : clock_(clock) {}

  [[nodiscard]] std::optional<std::string> off(std::string_view component, std::string_view sha256) const override;
  bool strike(const Strike& strike) override;

  // A strike of the past, `at` in Unix seconds; rules apply as if it had just been taken then.
  void remember(const Strike& strike, double at);
  // Off for a reason that was found elsewhere.
  void set_off(const Key& key, Off off);
  // On again, and its strikes forgotten.
  void clear(const Key& key);
  [[nodiscard]] std::map<Key, Off> all_off() const;

 private:
  struct Seen {
    double at;
    Offence offence;
    std::string run;  // customer and id; empty = outside of a run
  };
  bool take(const Strike& strike, double at);

  const Clock& clock_;
  mutable std::mutex mutex_;
  std::map<Key, std::deque<Seen>> seen_;
  std::map<Key, Off> off_;
};

// "2026-03-02T10:00:00Z"
[[nodiscard]] std::string utc_text(double unix_seconds);
// "3 strikes within 10 minutes (crash, crash, deadline)"; "2 strikes on one run (crash, crash)". `offences` oldest
// first.
[[nodiscard]] std::string quarantine_reason(const std::vector<std::string_view>& offences, bool on_one_run);
}  // namespace dunetrace::plugin
