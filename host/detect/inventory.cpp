#include "detect/inventory.hpp"

#include <algorithm>

#include "json/reader.hpp"
#include "json/writer.hpp"
#include "plugin/isolation/outside.hpp"

namespace dunetrace::detect {
namespace {

// Well below the ten minutes after which the store believes that nobody has a component any more.
constexpr std::chrono::seconds kRepeat{60};

// Of a detector by the default section; other kinds are loaded or they are not (see store::shown_state).
std::string state_of(const plugin::Generation& generation, std::size_t component) {
  const auto& schema = generation.registry.components()[component].component->schema;
  if (schema.kind != "detector") return "live";
  for (const auto& settings : generation.config.profile_for("").detectors) {
    if (settings.component != component) continue;
    if (!settings.enabled) return "disabled";
    const auto in_shadow = [&settings = settings](const auto& type) { return settings.is_shadow(type); };
    return std::ranges::all_of(schema.signal_types, in_shadow) ? "shadow" : "live";
  }
  return "disabled";
}

// What PostgreSQL takes as jsonb: a path may hold anything.
std::string as_jsonb(const json::Writer& out) {
  auto repaired = json::storable(out.text());  // nothing: there was nothing to repair
  return repaired ? std::move(*repaired) : out.text();
}

std::string refusals_of(const plugin::Registry& registry) {
  json::Writer out;
  out.begin_array();
  for (const auto& refusal : registry.refusals()) {
    out.begin_object();
    out.field("file", refusal.file.string());
    out.field("reason", refusal.reason);
    out.end_object();
  }
  out.end_array();
  return as_jsonb(out);
}

std::string notes_of(const plugin::Registry& registry) {
  json::Writer out;
  out.begin_array();
  for (const auto& note : registry.notices()) out.string(note);
  out.end_array();
  return as_jsonb(out);
}

}  // namespace

store::PluginReport inventory_of(const plugin::Generation& generation, const plugin::ReloadState& reload,
                                 const std::string& host, const std::string& sandbox) {
  store::PluginReport report;
  report.host = host;
  report.generation = generation.number;
  report.reload_at = reload.at;
  report.reload_ok = reload.ok;
  report.reload_error = reload.error;
  report.refusals = refusals_of(generation.registry);
  report.notes = notes_of(generation.registry);
  report.unlocked = generation.registry.unlocked();
  const auto& entries = generation.registry.components();
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const auto& library = *entries[i].library;
    const auto& schema = entries[i].component->schema;
    const bool isolated = library.mode == plugin::Mode::isolated;
    report.components.push_back({.component = schema.id,
                                 .sha256 = library.sha256,
                                 .library = library.id,
                                 .version = library.version,
                                 .kind = schema.kind,
                                 .title = schema.title,
                                 .signal_types = schema.signal_types,
                                 .mode = isolated ? "isolated" : "in_process",
                                 .sandbox = isolated ? sandbox : "none: part of the host's process",
                                 .file = library.path,
                                 .abi = "1." + std::to_string(library.abi_minor),
                                 .first_party = library.first_party,
                                 .state = state_of(generation, i)});
  }
  return report;
}

Inventory::Inventory(std::string host, store::Database& db, const plugin::Live& live, const Clock& clock,
                     plugin::RunnerOptions runner)
    : host_(std::move(host)), db_(db), live_(live), clock_(clock), runner_(std::move(runner)) {}

const std::string& Inventory::sandbox(const plugin::Registry& registry) {
  const auto isolated = [](const auto& library) { return library.mode == plugin::Mode::isolated; };
  if (!sandbox_.empty() || std::ranges::none_of(registry.libraries(), isolated)) return sandbox_;
  const auto found = plugin::sandbox_text(runner_);
  sandbox_ = found ? *found : "unknown: " + found.error().text;
  return sandbox_;
}

Result<> Inventory::report() {
  auto generation = live_.current();
  const auto reload = live_.reload_state();
  const auto now = clock_.steady();
  const bool changed = !told_ || told_->generation != generation;
  if (!changed && told_->reload_at == reload.at && now - told_->when < kRepeat) return {};
  DUNE_TRY_VOID(
      store::report_plugins(db_, inventory_of(*generation, reload, host_, sandbox(generation->registry)), changed));
  told_ = Told{std::move(generation), reload.at, now};
  return {};
}

}  // namespace dunetrace::detect
