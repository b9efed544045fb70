#include "config/component_values.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "config/names.hpp"
#include "config/parameter_value.hpp"
#include "config/yaml_tree.hpp"

namespace dunetrace::config {

Result<ComponentValues> component_values(const ComponentSchema& schema, std::string_view yaml, std::string_view name) {
  DUNE_TRY(tree, read_yaml(yaml, name));
  if (!tree.is_mapping_or_null()) {
    return fail(Code::invalid_argument, located(name, tree, "expected a mapping of parameters, got " + describe(tree)));
  }
  ComponentValues out;
  Problems problems;
  std::vector<std::string> names;
  std::vector<std::optional<ParamValue>> values;
  for (const auto& spec : schema.params) {
    names.push_back(spec.name);
    values.push_back(spec.def);
  }
  for (const auto& setting : tree.entries) {
    const auto spec = std::ranges::find(schema.params, setting.key.text, &ParamSpec::name);
    if (spec == schema.params.end()) {
      problems.add(located(name, setting.key,
                           fmt::format("unknown key '{}' in {}{}; {}", shown(setting.key.text), schema.id,
                                       did_you_mean(setting.key.text, names),
                                       names.empty() ? "it has no parameters" : "expected one of " + joined(names))));
      continue;
    }
    const auto place = schema.id + "." + spec->name;
    if (spec->deprecated) {
      out.warnings.push_back(located(
          name, setting.key, place + " is deprecated" + (spec->doc.empty() ? std::string() : ": " + spec->doc)));
    }
    auto value = parse_parameter(setting.value, *spec);
    if (value) {
      values[static_cast<std::size_t>(spec - schema.params.begin())] = std::move(*value);
    } else {
      problems.add(located(name, setting.value,
                           place + ": " + (spec->secret ? std::string("not a valid value") : value.error())));
    }
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto written = std::ranges::any_of(
        tree.entries, [&](const YamlEntry& entry) { return entry.key.text == schema.params[i].name; });
    if (!values[i] && !written) {
      problems.add(fmt::format("{}: {}: parameter '{}' is required and has no default", name, schema.id, names[i]));
    }
    out.values.push_back(std::move(values[i]).value_or(ParamValue{}));
  }
  if (problems.empty() && schema.check) {
    if (const auto why = schema.check(out.values)) problems.add(fmt::format("{}: {}: {}", name, schema.id, *why));
  }
  if (!problems.empty()) return problems.as_error();
  return out;
}

}  // namespace dunetrace::config
