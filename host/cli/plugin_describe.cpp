// dunetrace plugin describe FILE.so: the descriptor, as text or as JSON.
#include <fmt/format.h>

#include <cstdio>

#include "cli/plugin_commands.hpp"
#include "cli/plugin_trial.hpp"
#include "cli/plugin_values.hpp"
#include "explain/explainer.hpp"
#include "explain/text.hpp"

namespace dunetrace::cli {
namespace {

constexpr std::size_t kTextChars = 400;  // a stranger's text on a terminal

std::string line(std::string_view text) { return explain::one_line(text, kTextChars); }

std::string text_of(const config::ParamSpec& spec) {
  auto out = fmt::format("      {} ({})", spec.name, type_text(spec.type));
  if (const auto range = range_text(spec); !range.empty()) out += ", " + line(range);
  if (!spec.unit.empty()) out += " " + line(spec.unit);
  if (spec.required) out += ", required";
  if (spec.def && !spec.secret) out += ", default " + line(value_text(*spec.def));
  if (spec.deprecated) out += ", deprecated";
  return out + "\n        " + line(spec.doc) + "\n";
}

std::string text_of(const plugin::Library& library) {
  auto out = fmt::format("{}\n{} {} by {} ({}), ABI 1.{}\n", library.path, line(library.id), line(library.version),
                         line(library.vendor), line(library.license), library.abi_minor);
  for (const auto& component : library.components) {
    const auto& schema = component.schema;
    out += fmt::format("\n  {} {}: {}\n    {}\n", schema.kind, schema.id, line(schema.title), line(schema.doc));
    if (!schema.signal_types.empty()) out += fmt::format("    emits {}\n", fmt::join(schema.signal_types, ", "));
    out += schema.params.empty() ? "    no parameters\n" : "    parameters\n";
    for (const auto& spec : schema.params) out += text_of(spec);
    if (component.max_batch > 0) out += fmt::format("    takes up to {} alerts at once\n", component.max_batch);
    if (!component.actions.empty()) out += "    actions\n";
    for (const auto& action : component.actions) {
      out += fmt::format("      {}: {}{}\n        {}\n        input {}\n", action.id, line(action.title),
                         action.mutates ? " (changes something)" : "", line(action.doc), line(action.input_schema));
    }
    for (const auto& text : component.templates) {
      const auto paths = explain::evidence_paths(text);
      if (!paths.empty()) out += fmt::format("    explained by {}\n", line(fmt::format("{}", fmt::join(paths, ", "))));
      for (const auto& problem : explain::check_template(text)) out += "    wrong template: " + line(problem) + "\n";
    }
  }
  return out;
}

void write_texts(json::Writer& out, std::string_view name, const std::vector<std::string>& texts) {
  out.key(name);
  out.begin_array();
  for (const auto& text : texts) out.string(text);
  out.end_array();
}

void write(json::Writer& out, const config::ParamSpec& spec) {
  const auto optional = [&](std::string_view name, const std::optional<config::ParamValue>& value) {
    if (!value) return;
    out.key(name);
    write_value(out, *value);
  };
  static constexpr const char* kTypes[] = {"bool", "int", "float", "string", "string_list"};  // order of ParamType
  out.begin_object();
  out.field("name", spec.name);
  out.field("type", kTypes[static_cast<std::size_t>(spec.type)]);
  if (!spec.secret) optional("default", spec.def);
  optional("min", spec.min);
  optional("max", spec.max);
  if (!spec.choices.empty()) write_texts(out, "choices", spec.choices);
  out.field("unit", spec.unit);
  out.field("doc", spec.doc);
  out.field("required", spec.required);
  out.field("secret", spec.secret);
  out.field("deprecated", spec.deprecated);
  out.end_object();
}

void write(json::Writer& out, const plugin::Template& text) {
  out.begin_object();
  out.field("signal_type", text.signal_type);
  out.field("title", text.title);
  out.field("what", text.what);
  out.field("why_it_matters", text.why_it_matters);
  out.field("evidence_summary", text.evidence_summary);
  out.key("fixes");
  out.begin_array();
  for (const auto& fix : text.fixes) {
    out.begin_object();
    out.field("description", fix.description);
    out.field("language", fix.language);
    out.field("code", fix.code);
    out.end_object();
  }
  out.end_array();
  write_texts(out, "evidence", explain::evidence_paths(text));
  write_texts(out, "problems", explain::check_template(text));
  out.end_object();
}

void write(json::Writer& out, const std::vector<plugin::Action>& actions) {
  out.key("actions");
  out.begin_array();
  for (const auto& action : actions) {
    out.begin_object();
    out.field("id", action.id);
    out.field("title", action.title);
    out.field("doc", action.doc);
    out.field("mutates", action.mutates);
    out.field_raw("input_schema", action.input_schema);  // checked to be JSON when it was described
    out.end_object();
  }
  out.end_array();
}

void write(json::Writer& out, const plugin::Component& component) {
  out.begin_object();
  out.field("id", component.schema.id);
  out.field("kind", component.schema.kind);
  out.field("interface", component.interface);
  out.field("title", component.schema.title);
  out.field("doc", component.schema.doc);
  write_texts(out, "signal_types", component.schema.signal_types);
  out.key("parameters");
  out.begin_array();
  for (const auto& spec : component.schema.params) write(out, spec);
  out.end_array();
  out.key("templates");
  out.begin_array();
  for (const auto& text : component.templates) write(out, text);
  out.end_array();
  if (component.max_batch > 0) out.field("max_batch", component.max_batch);
  if (!component.actions.empty()) write(out, component.actions);
  out.end_object();
}

std::string json_of(const plugin::Library& library) {
  json::Writer out;
  out.begin_object();
  out.field("file", library.path);
  out.field("id", library.id);
  out.field("vendor", library.vendor);
  out.field("version", library.version);
  out.field("license", library.license);
  out.field("abi", "1." + std::to_string(library.abi_minor));
  out.key("components");
  out.begin_array();
  for (const auto& component : library.components) write(out, component);
  out.end_array();
  out.end_object();
  return out.take() + '\n';
}

}  // namespace

Result<int> plugin_describe(const std::string& file, bool json) {
  Trial trial;
  DUNE_TRY(library, trial.open(file));
  const auto text = json ? json_of(library) : text_of(library);
  std::fwrite(text.data(), 1, text.size(), stdout);
  return 0;
}

}  // namespace dunetrace::cli
