#include "cli/plugin_values.hpp"

#include <fmt/format.h>

namespace dunetrace::cli {

std::string_view type_text(config::ParamType type) {
  switch (type) {
    case config::ParamType::boolean:
      return "true or false";
    case config::ParamType::integer:
      return "whole number";
    case config::ParamType::real:
      return "number";
    case config::ParamType::string:
      return "text";
    case config::ParamType::string_list:
      return "list of texts";
  }
  return "?";
}

void write_value(json::Writer& out, const config::ParamValue& value) {
  if (const auto* b = std::get_if<bool>(&value)) out.boolean(*b);
  if (const auto* i = std::get_if<std::int64_t>(&value)) out.integer(*i);
  if (const auto* f = std::get_if<double>(&value)) out.real(*f);
  if (const auto* s = std::get_if<std::string>(&value)) out.string(*s);
  if (const auto* list = std::get_if<std::vector<std::string>>(&value)) {
    out.begin_array();
    for (const auto& item : *list) out.string(item);
    out.end_array();
  }
}

std::string value_text(const config::ParamValue& value) {
  json::Writer out;  // JSON values are YAML values
  write_value(out, value);
  return out.take();
}

std::string range_text(const config::ParamSpec& spec) {
  if (!spec.choices.empty()) return fmt::format("{}", fmt::join(spec.choices, " or "));
  if (spec.min && spec.max) return value_text(*spec.min) + " to " + value_text(*spec.max);
  if (spec.min) return "at least " + value_text(*spec.min);
  if (spec.max) return "above 0, at most " + value_text(*spec.max);
  return spec.type == config::ParamType::integer || spec.type == config::ParamType::real ? "above 0" : "";
}

}  // namespace dunetrace::cli
