#include "conformance/values.hpp"

#include "config/component_values.hpp"

namespace dunetrace::conformance {
namespace {

using config::ParamSpec;
using config::ParamType;
using config::ParamValue;

// By the rules of detectors.yml; a secret is a text like any other here.
Result<ParamValue> parse(const ParamSpec& spec, std::string_view text) {
  if (spec.secret) return ParamValue(std::string(text));
  config::ComponentSchema only;
  only.id = "plugin";
  only.params = {spec};
  DUNE_TRY(read, config::component_values(only, spec.name + ": " + std::string(text) + "\n", "--param"));
  return std::move(read.values.front());
}

// For a required parameter that nobody gave.
ParamValue made_up(const ParamSpec& spec) {
  switch (spec.type) {
    case ParamType::boolean:
      return false;
    case ParamType::integer:
      return spec.min ? *spec.min : ParamValue(std::int64_t{1});
    case ParamType::real:
      return spec.min ? *spec.min : ParamValue(1.0);
    case ParamType::string:
      if (!spec.choices.empty()) return spec.choices.front();
      return std::string(spec.name.find("url") != std::string::npos ? "https://receiver.invalid/path" : "value");
    case ParamType::string_list:
      return std::vector<std::string>{"value"};
  }
  return false;
}

dune_value to_c(const ParamValue& value, GuardedMemory& memory) {
  const auto text = [&](std::string_view from) { return dune_str{memory.copy(from), from.size()}; };
  dune_value out{};
  out.type = static_cast<std::uint32_t>(value.index()) + DUNE_VALUE_BOOL;
  if (const auto* b = std::get_if<bool>(&value)) out.as.i = *b ? 1 : 0;
  if (const auto* i = std::get_if<std::int64_t>(&value)) out.as.i = *i;
  if (const auto* f = std::get_if<double>(&value)) out.as.f = *f;
  if (const auto* s = std::get_if<std::string>(&value)) out.as.s = text(*s);
  if (const auto* list = std::get_if<std::vector<std::string>>(&value)) {
    auto* const items = static_cast<dune_str*>(memory.take(list->size() * sizeof(dune_str)));
    for (std::size_t i = 0; i < list->size(); ++i) items[i] = text((*list)[i]);
    out.as.list = {items, static_cast<std::uint32_t>(list->size()), sizeof(dune_str)};
  }
  return out;
}

}  // namespace

Result<Values> usual_values(const config::ComponentSchema& schema, std::span<const std::string> params) {
  Values out;
  for (const auto& spec : schema.params) {
    auto value = spec.def ? *spec.def : made_up(spec);
    for (const auto& param : params) {
      if (!param.starts_with(spec.name + "=")) continue;
      DUNE_TRY(parsed, parse(spec, std::string_view(param).substr(spec.name.size() + 1)));
      value = std::move(parsed);
    }
    out.push_back(std::move(value));
  }
  return out;
}

std::vector<Variant> extreme_values(const config::ComponentSchema& schema, const Values& usual) {
  std::vector<Variant> out;
  Variant lowest{"all at their minimum", usual}, highest{"all at their maximum", usual};
  for (std::size_t i = 0; i < schema.params.size(); ++i) {
    const auto& spec = schema.params[i];
    const auto with = [&](const std::string& what, const ParamValue& value) {
      out.push_back({spec.name + what, usual});
      out.back().values[i] = value;
    };
    if (spec.min) with(" at its minimum", lowest.values[i] = *spec.min);
    if (spec.max) with(" at its maximum", highest.values[i] = *spec.max);
    if (spec.type == ParamType::boolean) with(" the other way round", !std::get<bool>(usual[i]));
    if (spec.type == ParamType::string) {
      for (const auto& choice : spec.choices) with(" = " + choice, choice);
      if (spec.choices.empty() && !spec.required) with(" empty", std::string());
    }
  }
  if (!schema.params.empty()) {
    out.push_back(std::move(lowest));
    out.push_back(std::move(highest));
  }
  return out;
}

const dune_config* config_record(const Values& values, std::string_view category, const HostShape& shape,
                                 GuardedMemory& memory) {
  auto* const table = static_cast<dune_value*>(memory.take(values.size() * sizeof(dune_value)));
  for (std::size_t i = 0; i < values.size(); ++i) table[i] = to_c(values[i], memory);
  const dune_config config{
      sizeof config, static_cast<std::uint32_t>(values.size()), table, {memory.copy(category), category.size()}};
  return place(config, shape, memory);
}

}  // namespace dunetrace::conformance
