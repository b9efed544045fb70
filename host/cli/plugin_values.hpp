// What the subcommands of `dunetrace plugin` share: parameter values and types as text.
#pragma once

#include <string>
#include <string_view>

#include "config/parameters.hpp"
#include "json/writer.hpp"

namespace dunetrace::cli {

// "whole number", "list of texts", …
[[nodiscard]] std::string_view type_text(config::ParamType type);

// As it is written in detectors.yml.
[[nodiscard]] std::string value_text(const config::ParamValue& value);

// "1 to 100", "at least 1", "fast or exact"; empty when everything of the type is allowed.
[[nodiscard]] std::string range_text(const config::ParamSpec& spec);

void write_value(json::Writer& out, const config::ParamValue& value);

}  // namespace dunetrace::cli
