#include "cli/plugins_state.hpp"

#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include <cstdio>
#include <map>
#include <optional>
#include <utility>

#include "cli/setup.hpp"
#include "detect/inventory.hpp"
#include "json/writer.hpp"
#include "store/read_plugins.hpp"

namespace dunetrace::cli {
namespace {

using Key = std::pair<std::string, std::string>;  // component, sha256

// What the database knows; `why` when it could not be asked.
struct Known {
  std::map<Key, store::PluginRow> rows;
  std::string why;
};

// Never waits long: the list is worth something without it.
Known ask_database(const Setup& setup, telemetry::Logger& log) {
  Known known;
  const auto url = database_url_or_own(setup, "this");
  if (!url) {
    known.why = url.error().text;
    return known;
  }
  telemetry::Metrics metrics;
  store::Database db({.url = *url,
                      .application_name = "dunetrace-plugins",
                      .max_connections = 1,
                      .lease_timeout = std::chrono::milliseconds(2'000)},
                     log, metrics);
  auto all = store::plugin_overview(db, {});
  if (!all) {
    known.why = all.error().text;
    return known;
  }
  for (auto& row : all->components) {
    Key key(row.component.component, row.component.sha256);
    known.rows.emplace(std::move(key), std::move(row));
  }
  return known;
}

struct Shown {
  store::PluginComponent component;
  const store::PluginRow* row = nullptr;  // empty: the database was not asked, or no host has reported it
  [[nodiscard]] std::string state() const {
    return row != nullptr && row->quarantine ? "quarantined" : std::string(store::shown_state(component));
  }
};

std::vector<Shown> shown(const plugin::Generation& loaded, const Known& known) {
  std::vector<Shown> list;
  for (auto& component : detect::inventory_of(loaded, {}, "", "").components) {
    const auto found = known.rows.find({component.component, component.sha256});
    list.push_back({std::move(component), found == known.rows.end() ? nullptr : &found->second});
  }
  return list;
}

// Other hosts may have other files.
std::vector<const store::PluginRow*> quarantined_elsewhere(const std::vector<Shown>& list, const Known& known) {
  std::vector<const store::PluginRow*> rows;
  for (const auto& [key, row] : known.rows) {
    if (!row.quarantine || row.absent_since) continue;
    bool here = false;
    for (const auto& one : list) here = here || one.row == &row;
    if (!here) rows.push_back(&row);
  }
  return rows;
}

void print_text(const plugin::Generation& loaded, const std::vector<Shown>& list, const Known& known) {
  std::printf("%-28s %-12s %-12s %-11s %-10s %-8s %s\n", "COMPONENT", "KIND", "STATE", "MODE", "VERSION", "STRIKES",
              "FILE");
  for (const auto& one : list) {
    const auto& c = one.component;
    const auto strikes = !known.why.empty() ? "?" : std::to_string(one.row == nullptr ? 0 : one.row->strikes_10m);
    std::printf("%-28s %-12s %-12s %-11s %-10s %-8s %s\n", c.component.c_str(), c.kind.c_str(), one.state().c_str(),
                c.mode.c_str(), c.version.c_str(), strikes.c_str(), c.file.c_str());
    if (one.row == nullptr || !one.row->quarantine) continue;
    std::printf("    %s; replace the file, or run: dunetrace plugins enable %s\n", one.row->quarantine->reason.c_str(),
                c.component.c_str());
  }
  for (const auto* row : quarantined_elsewhere(list, known)) {
    std::printf("quarantined on %s: %s %s: %s\n", row->reported_by.c_str(), row->component.component.c_str(),
                row->component.version.c_str(), row->quarantine->reason.c_str());
  }
  for (const auto& refusal : loaded.registry.refusals()) {
    std::printf("not loaded: %s: %s\n", refusal.file.c_str(), refusal.reason.c_str());
  }
  for (const auto& notice : loaded.registry.notices()) std::printf("note: %s\n", notice.c_str());
  if (loaded.registry.unlocked()) std::printf("unlocked: PLUGINS_UNLOCKED is set, lock files are not looked at\n");
  if (!known.why.empty()) {
    std::printf("note: STATE is what detectors.yml says; whether something is quarantined is unknown: %s\n",
                known.why.c_str());
  }
}

void write_component(json::Writer& out, const Shown& one, const Known& known) {
  const auto& c = one.component;
  out.begin_object();
  out.field("component", c.component);
  out.field("kind", c.kind);
  out.field("title", c.title);
  out.field("state", one.state());
  out.field("configured", store::shown_state(c));
  out.key("signal_types");
  out.begin_array();
  for (const auto& type : c.signal_types) out.string(type);
  out.end_array();
  out.field("mode", c.mode);
  out.field("library", c.library);
  out.field("version", c.version);
  out.field("sha256", c.sha256);
  if (known.why.empty()) {
    out.field("strikes_10m", one.row == nullptr ? 0 : one.row->strikes_10m);
  } else {
    out.field_null("strikes_10m");
  }
  if (one.row != nullptr && one.row->quarantine) {
    out.key("quarantine");
    out.begin_object();
    out.field("since", one.row->quarantine->since);
    out.field("reason", one.row->quarantine->reason);
    out.end_object();
  } else {
    out.field_null("quarantine");
  }
  out.field("file", c.file);
  out.end_object();
}

void print_json(const plugin::Generation& loaded, const std::vector<Shown>& list, const Known& known) {
  json::Writer out;
  out.begin_object();
  out.field("state_known", known.why.empty());
  if (known.why.empty()) {
    out.field_null("state_unknown_because");
  } else {
    out.field("state_unknown_because", known.why);
  }
  out.key("components");
  out.begin_array();
  for (const auto& one : list) write_component(out, one, known);
  out.end_array();
  const auto report = detect::inventory_of(loaded, {}, "", "");
  out.field_raw("not_loaded", report.refusals);
  out.field_raw("notes", report.notes);
  out.field("unlocked", report.unlocked);
  out.end_object();
  std::printf("%s\n", out.text().c_str());
}

std::string operator_name() {
  const auto* user = getpwuid(geteuid());
  return user != nullptr ? user->pw_name : std::to_string(geteuid());
}

}  // namespace

Result<int> plugins_list(bool json) {
  DUNE_TRY(setup, load_setup());
  telemetry::Logger log(telemetry::Level::error);
  DUNE_TRY(loaded, load_detectors(setup, log, {}, Purpose::look));
  const auto known = ask_database(setup, log);
  const auto list = shown(loaded, known);
  json ? print_json(loaded, list, known) : print_text(loaded, list, known);
  return 0;
}

Result<int> plugins_enable(const std::string& component) {
  DUNE_TRY(setup, load_setup());
  DUNE_TRY(url, database_url_or_own(setup, "plugins enable"));
  DUNE_TRY(log, make_logger(setup));
  telemetry::Metrics metrics;
  store::Database db({.url = url, .application_name = "dunetrace-plugins", .max_connections = 1}, *log, metrics);
  DUNE_TRY(applied, migrate_when_reachable(db, setup.paths.migrations, std::chrono::seconds(0), *log));
  DUNE_TRY(ended, store::enable_component(db, component, operator_name()));
  for (const auto& one : ended) {
    std::printf("enabled %s %s; it was quarantined for %s\n", one.component.c_str(), one.version.c_str(),
                one.reason.c_str());
  }
  return 0;
}

}  // namespace dunetrace::cli
