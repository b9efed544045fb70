#include "plugin/describe.hpp"

#include <fmt/format.h>

#include <cmath>
#include <cstddef>
#include <set>

#include "plugin/describe_parts.hpp"
#include "plugin/take.hpp"

namespace dunetrace::plugin {
namespace {

// Limits on what a library may declare; generous for people, small for an accident.
constexpr std::uint32_t kMaxComponents = 64;
constexpr std::uint32_t kMaxParams = 64;
constexpr std::uint32_t kMaxTemplates = 32;
constexpr std::uint32_t kMaxFixes = 16;
constexpr std::uint32_t kMaxChoices = 64;

bool upper_snake(std::string_view name) {
  if (name.empty() || name.size() > 64 || name.front() < 'A' || name.front() > 'Z') return false;
  return std::ranges::all_of(name, [](char c) { return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; });
}

Result<std::vector<std::string>> texts_of(dune_array list, std::string_view field) {
  if (list.count > kMaxChoices)
    return wrong(fmt::format("{}: {} entries, at most {} are allowed", field, list.count, kMaxChoices));
  if (list.count > 0 && (list.data == nullptr || list.stride < sizeof(dune_str))) {
    return wrong(fmt::format("{}: no table behind its {} entries", field, list.count));
  }
  std::vector<std::string> out;
  for (std::uint32_t i = 0; i < list.count; ++i) {
    dune_str one{};
    std::memcpy(&one, element(list.data, list.stride, i), sizeof one);
    DUNE_TRY(text, text_of(one, field, false));
    out.push_back(std::move(text));
  }
  return out;
}

Result<std::optional<config::ParamValue>> value_of(const dune_value& value, std::uint32_t type,
                                                   std::string_view field) {
  if (value.type == DUNE_VALUE_NONE) return std::optional<config::ParamValue>();
  if (value.type != type)
    return wrong(fmt::format("{}: has type {}, the parameter has type {}", field, value.type, type));
  switch (value.type) {
    case DUNE_VALUE_BOOL:
      return config::ParamValue(value.as.i != 0);
    case DUNE_VALUE_INT:
      return config::ParamValue(value.as.i);
    case DUNE_VALUE_FLOAT:
      if (!std::isfinite(value.as.f)) return wrong(fmt::format("{}: is not a finite number", field));
      return config::ParamValue(value.as.f);
    case DUNE_VALUE_STRING: {
      DUNE_TRY(text, text_of(value.as.s, field, false));
      return config::ParamValue(std::move(text));
    }
    default: {
      DUNE_TRY(list, texts_of(value.as.list, field));
      return config::ParamValue(std::move(list));
    }
  }
}

Result<config::ParamSpec> parameter(const void* record, std::string_view component) {
  dune_param_spec spec{};
  if (!take(record, spec, DUNE_END(dune_param_spec, doc))) {
    return wrong(fmt::format("{}: a parameter record is smaller than version 1.0 has it", component));
  }
  config::ParamSpec out;
  DUNE_TRY(name, name_of(spec.name, fmt::format("{}: parameter name", component), true));
  const auto where = fmt::format("{}.{}", component, name);
  if (!lower_snake(name)) return wrong(fmt::format("{}: a parameter name is lower_snake_case", where));
  for (const auto* reserved : {"enabled", "shadow", "severity", "timeout_ms"}) {
    if (name == reserved) return wrong(fmt::format("{}: this name is reserved for the host", where));
  }
  if (spec.type < DUNE_VALUE_BOOL || spec.type > DUNE_VALUE_STRING_LIST) {
    return wrong(fmt::format("{}: unknown parameter type {}", where, spec.type));
  }
  out.name = std::move(name);
  out.type = static_cast<config::ParamType>(spec.type - DUNE_VALUE_BOOL);
  DUNE_TRY(def, value_of(spec.def, spec.type, where + " default"));
  DUNE_TRY(min, value_of(spec.min, spec.type, where + " minimum"));
  DUNE_TRY(max, value_of(spec.max, spec.type, where + " maximum"));
  DUNE_TRY(choices, texts_of(spec.choices, where + " choices"));
  DUNE_TRY(unit, text_of(spec.unit, where + " unit", false));
  DUNE_TRY(doc, text_of(spec.doc, where + " doc", false));
  out.required = (spec.flags & DUNE_PARAM_REQUIRED) != 0;
  out.secret = (spec.flags & DUNE_PARAM_SECRET) != 0;
  out.deprecated = (spec.flags & DUNE_PARAM_DEPRECATED) != 0;
  if (!def && !out.required) return wrong(fmt::format("{}: has no default and is not marked as required", where));
  if ((def && min && *def < *min) || (def && max && *def > *max) || (min && max && *min > *max)) {
    return wrong(fmt::format("{}: minimum <= default <= maximum does not hold", where));
  }
  out.def = std::move(def);
  out.min = std::move(min);
  out.max = std::move(max);
  out.choices = std::move(choices);
  out.unit = std::move(unit);
  out.doc = std::move(doc);
  return out;
}

Result<Template> explanation(const void* record, std::string_view component, std::string_view default_type) {
  dune_template raw{};
  if (!take(record, raw, DUNE_END(dune_template, fixes))) {
    return wrong(fmt::format("{}: a template record is smaller than version 1.0 has it", component));
  }
  const auto where = fmt::format("{}: template", component);
  Template out;
  DUNE_TRY(type, text_of(raw.signal_type, where + " signal type", false));
  out.signal_type = type.empty() ? std::string(default_type) : std::move(type);
  if (!upper_snake(out.signal_type))
    return wrong(fmt::format("{}: '{}' is no UPPER_SNAKE_CASE type", where, out.signal_type));
  DUNE_TRY(title, text_of(raw.title, where + " title", true));
  DUNE_TRY(what, text_of(raw.what, where + " what", true));
  DUNE_TRY(why, text_of(raw.why_it_matters, where + " why_it_matters", true));
  DUNE_TRY(summary, text_of(raw.evidence_summary, where + " evidence_summary", true));
  if (raw.fix_count > kMaxFixes || (raw.fix_count > 0 && raw.fixes == nullptr)) {
    return wrong(fmt::format("{}: {} fixes, 0 to {} with a table are expected", where, raw.fix_count, kMaxFixes));
  }
  for (std::uint32_t i = 0; i < raw.fix_count; ++i) {
    const dune_fix& fix = raw.fixes[i];  // frozen type, no stride
    DUNE_TRY(description, text_of(fix.description, where + " fix", true));
    DUNE_TRY(language, text_of(fix.language, where + " fix language", true));
    DUNE_TRY(code, text_of(fix.code, where + " fix code", false));
    out.fixes.push_back({std::move(description), std::move(language), std::move(code)});
  }
  out.title = std::move(title);
  out.what = std::move(what);
  out.why_it_matters = std::move(why);
  out.evidence_summary = std::move(summary);
  return out;
}

Result<> detector(const void* vtable, Component& out) {
  dune_detector_v1 table{};
  const std::string& id = out.schema.id;
  if (!take(vtable, table, DUNE_END(dune_detector_v1, detect))) {
    return wrong(fmt::format("{}: the detector table is missing or smaller than version 1.0 has it", id));
  }
  out.explains = table.explain != nullptr;
  if (table.create == nullptr || table.destroy == nullptr || table.detect == nullptr) {
    return wrong(fmt::format("{}: create, destroy and detect must all be given", id));
  }
  DUNE_TRY(type, text_of(table.default_signal_type, id + ": signal type", true));
  if (!upper_snake(type)) return wrong(fmt::format("{}: '{}' is no UPPER_SNAKE_CASE signal type", id, type));
  out.default_signal_type = type;
  std::set<std::string> types{type};
  if (table.template_count > kMaxTemplates ||
      (table.template_count > 0 &&
       (table.templates == nullptr || table.template_stride < DUNE_END(dune_template, fixes)))) {
    return wrong(
        fmt::format("{}: {} templates with a stride of {} bytes", id, table.template_count, table.template_stride));
  }
  for (std::uint32_t i = 0; i < table.template_count; ++i) {
    DUNE_TRY(one, explanation(element(table.templates, table.template_stride, i), id, type));
    types.insert(one.signal_type);
    out.templates.push_back(std::move(one));
  }
  out.schema.kind = "detector";
  out.schema.signal_types.assign(types.begin(), types.end());
  return {};
}

// Nothing when the interface is not known to this host.
Result<std::optional<Component>> component(const void* record) {
  dune_component raw{};
  if (!take(record, raw, DUNE_END(dune_component, vtable))) {
    return wrong("a component record is smaller than version 1.0 has it");
  }
  Component out;
  DUNE_TRY(interface, name_of(raw.iface, "component interface", true));
  DUNE_TRY(id, text_of(raw.id, "component id", true));
  if (!lower_snake(id)) return wrong(fmt::format("component id '{}' is not lower_snake_case", id));
  DUNE_TRY(title, text_of(raw.title, id + ": title", true));
  DUNE_TRY(doc, text_of(raw.doc, id + ": doc", false));
  out.schema.id = id;
  out.schema.title = std::move(title);
  out.schema.doc = std::move(doc);
  out.interface = std::move(interface);
  out.vtable = raw.vtable;
  if (raw.param_count > kMaxParams ||
      (raw.param_count > 0 && (raw.params == nullptr || raw.param_stride < DUNE_END(dune_param_spec, doc)))) {
    return wrong(fmt::format("{}: {} parameters with a stride of {} bytes", id, raw.param_count, raw.param_stride));
  }
  std::set<std::string> names;
  for (std::uint32_t i = 0; i < raw.param_count; ++i) {
    DUNE_TRY(one, parameter(element(raw.params, raw.param_stride, i), id));
    if (!names.insert(one.name).second) return wrong(fmt::format("{}: parameter '{}' is declared twice", id, one.name));
    out.schema.params.push_back(std::move(one));
  }
  if (out.interface == DUNE_IFACE_DETECTOR_V1) {
    DUNE_TRY_VOID(detector(raw.vtable, out));
    return out;
  }
  if (out.interface == DUNE_IFACE_ALERT_V1) {
    DUNE_TRY_VOID(describe_alert(raw.vtable, out));
    return out;
  }
  if (out.interface == DUNE_IFACE_INTEGRATION_V1) {
    DUNE_TRY_VOID(describe_integration(raw.vtable, out));
    return out;
  }
  return std::optional<Component>();
}

Result<> versions(const dune_plugin* descriptor) {
  // The first 16 bytes keep their place in every major version, so they may be read before the size is known.
  if (descriptor == nullptr) return wrong("the entry function returned nothing");
  if (descriptor->magic != DUNE_MAGIC) {
    return wrong(fmt::format("magic is {:#010x}, expected {:#010x}", descriptor->magic, DUNE_MAGIC));
  }
  if (descriptor->abi_major != DUNE_ABI_MAJOR) {
    return wrong(fmt::format("built for plugin ABI {}.{}, this host speaks {}.x: rebuild it with this host's SDK",
                             descriptor->abi_major, descriptor->abi_minor, DUNE_ABI_MAJOR));
  }
  if (descriptor->min_host_minor > DUNE_ABI_MINOR) {
    return wrong(fmt::format("needs plugin ABI {}.{}, this host has {}.{}: update the host", descriptor->abi_major,
                             descriptor->min_host_minor, DUNE_ABI_MAJOR, DUNE_ABI_MINOR));
  }
  return {};
}

}  // namespace

Result<Library> describe(const dune_plugin* descriptor) {
  DUNE_TRY_VOID(versions(descriptor));
  dune_plugin raw{};
  if (!take(descriptor, raw, DUNE_END(dune_plugin, component_stride), offsetof(dune_plugin, struct_size))) {
    return wrong("the descriptor is smaller than version 1.0 has it");
  }
  Library out;
  DUNE_TRY(id, name_of(raw.id, "plugin id", true));
  DUNE_TRY(vendor, name_of(raw.vendor, "vendor", false));
  DUNE_TRY(version, name_of(raw.version, "version", true));
  DUNE_TRY(license, name_of(raw.license, "license", false));
  out.id = std::move(id);
  out.vendor = std::move(vendor);
  out.version = std::move(version);
  out.license = std::move(license);
  out.abi_minor = raw.abi_minor;
  if (raw.component_count == 0 || raw.component_count > kMaxComponents || raw.components == nullptr ||
      raw.component_stride < DUNE_END(dune_component, vtable)) {
    return wrong(fmt::format("{} components with a stride of {} bytes, 1 to {} are expected", raw.component_count,
                             raw.component_stride, kMaxComponents));
  }
  std::set<std::string> ids;
  for (std::uint32_t i = 0; i < raw.component_count; ++i) {
    DUNE_TRY(one, component(element(raw.components, raw.component_stride, i)));
    if (!one) continue;
    if (!ids.insert(one->schema.id).second)
      return wrong(fmt::format("component '{}' is declared twice", one->schema.id));
    out.components.push_back(std::move(*one));
  }
  return out;
}

}  // namespace dunetrace::plugin
