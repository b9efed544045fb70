#include "cli/detectors_show.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <vector>

#include "cli/plugin_values.hpp"
#include "cli/setup.hpp"
#include "config/names.hpp"
#include "explain/text.hpp"
#include "json/writer.hpp"

namespace dunetrace::cli {
namespace {

using config::DetectorSettings;
using config::Profile;
using config::SaidAt;

constexpr std::string_view kEnvironment = "SHADOW_DETECTORS";
constexpr std::size_t kValueChars = 200;

struct Row {
  std::string key;
  std::string text;          // as people read it
  config::ParamValue value;  // as programs do
  bool is_null = false;      // it has none
  std::string layer{};       // "detector", a section, SHADOW_DETECTORS
  int line = 0;
};

struct TypeState {
  std::string failure_type;
  std::string_view state;  // live, shadow, off
};

std::string_view state_of(const DetectorSettings& settings, std::string_view failure_type) {
  if (!settings.enabled) return "off";
  return settings.is_shadow(failure_type) ? "shadow" : "live";
}

Row row(const Profile& profile, std::string key, config::ParamValue value, SaidAt from) {
  Row out{std::move(key), value_text(value), std::move(value)};
  out.layer = profile.layers[from.layer];
  out.line = from.line;
  return out;
}

std::vector<Row> rows_of(const Profile& profile, const DetectorSettings& settings,
                         const config::ComponentSchema& schema) {
  std::vector<Row> rows;
  rows.push_back(row(profile, "enabled", settings.enabled, settings.enabled_from));
  rows.push_back(row(profile, "shadow", settings.shadow, settings.shadow_from));
  for (const auto& type : settings.shadow_types) {
    if (settings.shadow) continue;
    Row kept{settings.shadow_types.size() == schema.signal_types.size() ? "shadow" : "shadow of " + type, "true", true};
    kept.layer = kEnvironment;
    if (kept.key == "shadow") rows.pop_back();  // what the file says does not count
    rows.push_back(std::move(kept));
  }
  const std::string own = "its own";
  auto severity = row(profile, "severity", settings.severity ? std::string(to_text(*settings.severity)) : own,
                      settings.severity_from);
  severity.text = settings.severity ? std::string(to_text(*settings.severity)) : own;
  severity.is_null = !settings.severity;
  rows.push_back(std::move(severity));
  rows.push_back(row(profile, "timeout_ms", std::int64_t{settings.timeout_ms}, settings.timeout_from));
  for (std::size_t i = 0; i < schema.params.size(); ++i) {
    auto& added = rows.emplace_back(row(profile, schema.params[i].name, settings.values[i], settings.values_from[i]));
    if (!schema.params[i].secret) continue;
    added.text = "***";
    added.value = added.text;
  }
  return rows;
}

std::string origin_text(const Row& row, const std::string& file) {
  if (row.line == 0) return row.layer == "detector" ? "the detector's default" : row.layer;
  return fmt::format("{}:{} ({})", file, row.line, row.layer);
}

struct Shown {
  const plugin::Generation& detectors;
  const Profile& profile;
  const DetectorsShow& args;

  [[nodiscard]] const config::ComponentSchema& schema(const DetectorSettings& settings) const {
    return detectors.registry.components().at(settings.component).component->schema;
  }
  [[nodiscard]] bool wanted(const DetectorSettings& settings) const {
    return args.detector.empty() || settings.id == args.detector;
  }
};

// Sections are what somebody wrote into a file.
std::string clean(std::string_view text) { return explain::one_line(text, kValueChars); }

void print(const Shown& shown) {
  std::vector<std::string> sections(shown.profile.layers.begin() + 1, shown.profile.layers.end());
  std::printf("%s: %s of %s; the later one wins\n",
              shown.args.agent.empty() ? "agents without a section" : clean(shown.args.agent).c_str(),
              clean(config::joined(sections)).c_str(), shown.detectors.file.c_str());
  for (const auto& settings : shown.profile.detectors) {
    if (!shown.wanted(settings)) continue;
    const auto& schema = shown.schema(settings);
    std::string states;
    for (const auto& type : schema.signal_types) {
      states += fmt::format("{}{} {}", states.empty() ? "" : ", ", type, state_of(settings, type));
    }
    std::printf("\n%s: %s\n", settings.id.c_str(), states.c_str());
    for (const auto& row : rows_of(shown.profile, settings, schema)) {
      std::printf("  %-18s %-10s %s\n", row.key.c_str(), clean(row.text).c_str(),
                  clean(origin_text(row, shown.detectors.file.string())).c_str());
    }
  }
}

void write(json::Writer& out, const Row& row, const std::string& file) {
  out.begin_object();
  out.field("key", row.key);
  out.key("value");
  if (row.is_null)
    out.null();
  else
    write_value(out, row.value);
  out.field("from", row.layer);
  if (row.line != 0) {
    out.field("file", file);
    out.field("line", row.line);
  }
  out.end_object();
}

void print_json(const Shown& shown) {
  json::Writer out;
  out.begin_object();
  out.field("file", shown.detectors.file.string());
  out.field("profile", shown.profile.name);
  out.key("sections");
  out.begin_array();
  for (std::size_t i = 1; i < shown.profile.layers.size(); ++i) out.string(shown.profile.layers[i]);
  out.end_array();
  out.key("detectors");
  out.begin_array();
  for (const auto& settings : shown.profile.detectors) {
    if (!shown.wanted(settings)) continue;
    const auto& schema = shown.schema(settings);
    out.begin_object();
    out.field("id", settings.id);
    out.key("failure_types");
    out.begin_object();
    for (const auto& type : schema.signal_types) out.field(type, std::string(state_of(settings, type)));
    out.end_object();
    out.key("settings");
    out.begin_array();
    for (const auto& row : rows_of(shown.profile, settings, schema)) write(out, row, shown.detectors.file.string());
    out.end_array();
    out.end_object();
  }
  out.end_array();
  out.end_object();
  std::printf("%s\n", out.text().c_str());
}

}  // namespace

Result<int> detectors_show(const DetectorsShow& args) {
  DUNE_TRY(setup, load_setup());
  telemetry::Logger log(telemetry::Level::error);
  DUNE_TRY(detectors, load_detectors(setup, log, args.file, Purpose::look));
  const Shown shown{detectors, detectors.config.profile_for(args.agent), args};
  std::vector<std::string> ids;
  for (const auto& settings : shown.profile.detectors) ids.push_back(settings.id);
  if (!args.detector.empty() && std::ranges::find(ids, args.detector) == ids.end()) {
    return fail(Code::invalid_argument,
                fmt::format("unknown detector '{}'{}; expected one of {}", config::shown(args.detector),
                            config::did_you_mean(args.detector, ids), config::joined(ids)));
  }
  args.json ? print_json(shown) : print(shown);
  return 0;
}

}  // namespace dunetrace::cli
