// Parameters of plugin components as the host knows them: read from a plugin's table by plugin/, checked against
// detectors.yml by config/. Plain values.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace dunetrace::config {

using ParamValue = std::variant<bool, std::int64_t, double, std::string, std::vector<std::string>>;

enum class ParamType : std::uint8_t { boolean, integer, real, string, string_list };  // order of ParamValue

struct ParamSpec {
  std::string name;  // lower_snake_case
  ParamType type = ParamType::integer;
  std::optional<ParamValue> def, min, max;
  std::vector<std::string> choices;  // empty = free
  std::string unit;
  std::string doc;
  bool required = false;
  bool secret = false;
  bool deprecated = false;
};

// What detectors.yml may say about one component.
struct ComponentSchema {
  std::string id;    // the component's key in detectors.yml
  std::string kind;  // "detector", "alert", "integration"
  std::string title;
  std::string doc;
  std::vector<std::string> signal_types;  // failure types a detector can emit
  bool first_party = false;               // came from the host's own plugin directory
  bool on_probation = false;              // a version 0.x: nobody knows yet how often it is right
  std::vector<ParamSpec> params;
  // Rules over several values (the plugin's own); the reason when they make no sense together. May be empty.
  std::function<std::optional<std::string>(std::span<const ParamValue>)> check;

  // Whether its findings count and alert unless an operator says otherwise.
  [[nodiscard]] bool starts_live() const { return first_party && !on_probation; }
};

}  // namespace dunetrace::config
