// One scalar or list of an operator's file as the value of a plugin parameter, by the plugin's own table. Never
// guesses: `010`, `3.0` for an integer, `yes` for a boolean and `.nan` are errors. Internal to config/; pure functions.
#pragma once

#include <string>
#include <tl/expected.hpp>

#include "config/parameters.hpp"
#include "config/yaml_tree.hpp"

namespace dunetrace::config {

// The error says what was expected and what was found; the caller adds the place.
template <class T>
using Parsed = tl::expected<T, std::string>;

[[nodiscard]] Parsed<bool> parse_boolean(const YamlNode& node);
[[nodiscard]] Parsed<std::int64_t> parse_integer(const YamlNode& node);
[[nodiscard]] Parsed<double> parse_real(const YamlNode& node);
[[nodiscard]] Parsed<std::string> parse_text(const YamlNode& node);

// Type, minimum, maximum and choices. A number must be positive unless the table names a minimum of its own.
[[nodiscard]] Parsed<ParamValue> parse_parameter(const YamlNode& node, const ParamSpec& spec);

}  // namespace dunetrace::config
