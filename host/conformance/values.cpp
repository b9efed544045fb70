#include "conformance/values.hpp"

#include <charconv>

namespace dunetrace::conformance {
namespace {

using config::ParamSpec;
using config::ParamType;
using config::ParamValue;

template <class T>
Result<ParamValue> number(const ParamSpec& spec, std::string_view text) {
  T value{};
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec == std::errc{} && parsed.ptr == text.data() + text.size()) return ParamValue(value);
  return fail(Code::invalid_argument, "--param " + spec.name + ": expected a number, got '" + std::string(text) + "'");
}

Result<ParamValue> parse(const ParamSpec& spec, std::string_view text) {
  switch (spec.type) {
    case ParamType::boolean:
      if (text == "true" || text == "false") return ParamValue(text == "true");
      return fail(Code::invalid_argument, "--param " + spec.name + ": expected true or false");
    case ParamType::integer:
      return number<std::int64_t>(spec, text);
    case ParamType::real:
      return number<double>(spec, text);
    case ParamType::string:
      return ParamValue(std::string(text));
    case ParamType::string_list:
      return ParamValue(std::vector<std::string>{std::string(text)});
  }
  return fail(Code::internal, "a parameter type without a reading");
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
