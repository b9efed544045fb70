// What is known about plugins (tables plugin_*): components, strikes, quarantine, and how reloads went. Written by
// detect and by operators, read by the api role and the commands. Every change of a quarantine is announced on the
// channel kPluginsChannel in the same transaction. Thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"
#include "store/database.hpp"
#include "store/read_scope.hpp"

namespace dunetrace::store {

inline constexpr const char* kPluginsChannel = "dunetrace_plugins";
inline constexpr int kStrikesKept = 1000;  // of one component

// A component of a library's file, as a host has it in force.
struct PluginComponent {
  std::string component;
  std::string sha256;
  std::string library;
  std::string version;
  std::string kind;  // "detector", "alert", "integration"
  std::string title;
  std::vector<std::string> signal_types;
  std::string mode;     // "in_process", "isolated"
  std::string sandbox;  // what holds it, in words
  std::string file;
  std::string abi;  // "1.0"
  bool first_party = false;
  std::string state;  // by configuration: "live", "shadow", "disabled"; see shown_state()
};

// What people are told. Only detectors can be configured; of other kinds a host has no more to say than that it has
// them.
[[nodiscard]] inline std::string_view shown_state(const PluginComponent& component) {
  return component.kind == "detector" ? std::string_view(component.state) : "loaded";
}

struct PluginReport {
  std::string host;
  std::uint64_t generation = 1;
  std::optional<double> reload_at;  // Unix seconds; empty = not since the start
  bool reload_ok = true;
  std::string reload_error;
  std::string refusals = "[]";  // JSON, files that were not loaded: [{"file":…,"reason":…}]
  std::string notes = "[]";     // JSON, sentences
  bool unlocked = false;        // lock files are not looked at
  std::vector<PluginComponent> components;
};

// The whole of what a host has. Components it had before and has no more are marked as absent. With `changed` false it
// only says that this still holds, and marks what no host has said for ten minutes.
[[nodiscard]] Result<> report_plugins(Database& db, const PluginReport& report, bool changed);

struct PluginStrike {
  std::string uid;  // uuid: written once however often it is tried
  std::string component;
  std::string sha256;
  std::string library;
  std::string version;
  double at = 0;        // Unix seconds
  std::string offence;  // "crash", "deadline", "exit", "violation"
  std::string customer_id;
  std::string run_id;
  std::string text;
  std::string host;
};

// Stores it and drops what is more than kStrikesKept.
[[nodiscard]] Result<> record_strike(Database& db, const PluginStrike& strike);

// Since the component was last enabled, oldest first: the latest 100 of one file, or the last day's of all.
[[nodiscard]] Result<std::vector<PluginStrike>> strikes_of(Database& db, const std::string& component,
                                                           const std::string& sha256);
[[nodiscard]] Result<std::vector<PluginStrike>> recent_strikes(Database& db);

struct PluginQuarantine {
  std::string component;
  std::string sha256;
  std::string library;
  std::string version;
  double since = 0;
  std::string reason;
};

// True when it was not open before; false also when an operator enabled the component after `since`.
[[nodiscard]] Result<bool> open_quarantine(Database& db, const PluginQuarantine& quarantine, const std::string& host);
[[nodiscard]] Result<std::vector<PluginQuarantine>> open_quarantines(Database& db);

// Ends the quarantine of every file of the component; gives the ended ones. Code::not_found when there was none, with
// the quarantined components in the text.
[[nodiscard]] Result<std::vector<PluginQuarantine>> enable_component(Database& db, const std::string& component,
                                                                     const std::string& by);

}  // namespace dunetrace::store
