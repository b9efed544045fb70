// Parameter tables for the tests of this folder: three detectors that together have every kind of parameter.
#pragma once

#include "config/detectors_file.hpp"

namespace dunetrace::config::testing {

inline ParamSpec whole(std::string name, std::int64_t def, std::int64_t min = 1, std::int64_t max = 1000) {
  ParamSpec spec;
  spec.name = std::move(name);
  spec.type = ParamType::integer;
  spec.def = ParamValue(def);
  spec.min = ParamValue(min);
  spec.max = ParamValue(max);
  return spec;
}

inline ParamSpec real(std::string name, double def) {
  ParamSpec spec;
  spec.name = std::move(name);
  spec.type = ParamType::real;
  spec.def = ParamValue(def);
  return spec;
}

inline ComponentSchema loop_schema() {
  ComponentSchema schema;
  schema.id = "tool_loop";
  schema.kind = "detector";
  schema.signal_types = {"TOOL_LOOP"};
  schema.first_party = true;
  schema.params = {whole("threshold", 3), whole("window", 5)};
  schema.check = [](std::span<const ParamValue> values) -> std::optional<std::string> {
    if (std::get<std::int64_t>(values[0]) <= std::get<std::int64_t>(values[1])) return std::nullopt;
    return "threshold must not be larger than window";
  };
  return schema;
}

inline ComponentSchema bloat_schema() {
  ComponentSchema schema;
  schema.id = "context_bloat";
  schema.kind = "detector";
  schema.signal_types = {"CONTEXT_BLOAT"};
  schema.first_party = true;
  schema.params = {real("growth_factor", 3.0), whole("min_calls", 3)};
  return schema;
}

// Somebody else's, with a parameter of each of the remaining types and two failure types.
inline ComponentSchema foreign_schema() {
  ComponentSchema schema;
  schema.id = "acme_checks";
  schema.kind = "detector";
  schema.signal_types = {"ACME_SLOW", "ACME_ODD"};
  ParamSpec mode, names, strict;
  mode.name = "mode";
  mode.type = ParamType::string;
  mode.def = ParamValue(std::string("fast"));
  mode.choices = {"fast", "exact"};
  names.name = "names";
  names.type = ParamType::string_list;
  names.def = ParamValue(std::vector<std::string>{});
  strict.name = "strict";
  strict.type = ParamType::boolean;
  strict.def = ParamValue(false);
  schema.params = {mode, names, strict};
  return schema;
}

inline ComponentSchema alert_schema() {
  ComponentSchema schema;
  schema.id = "pager";
  schema.kind = "alert";
  return schema;
}

inline std::vector<ComponentSchema> schemas() {
  return {alert_schema(), loop_schema(), bloat_schema(), foreign_schema()};
}

inline Result<DetectorsConfig> resolve(std::string_view text, std::vector<std::string> shadow_types = {}) {
  DUNE_TRY(file, DetectorsFile::parse(text, "detectors.yml"));
  return file.resolve(schemas(), shadow_types);
}

// The whole error text; "no error" when there is none.
inline std::string error_of(std::string_view text, std::vector<std::string> shadow_types = {}) {
  const auto config = resolve(text, std::move(shadow_types));
  return config ? "no error" : config.error().text;
}

inline const DetectorSettings& detector(const Profile& profile, std::string_view id) {
  for (const auto& settings : profile.detectors) {
    if (settings.id == id) return settings;
  }
  throw std::runtime_error("no such detector in the profile");
}

inline std::int64_t integer_value(const Profile& profile, std::string_view id, std::size_t param) {
  return std::get<std::int64_t>(detector(profile, id).values.at(param));
}

}  // namespace dunetrace::config::testing
