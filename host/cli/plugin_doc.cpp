// dunetrace plugin doc: the page that operators look up a detector and its parameters in. The same plugins give the
// same bytes.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "cli/plugin_commands.hpp"
#include "cli/plugin_trial.hpp"
#include "cli/plugin_values.hpp"
#include "cli/setup.hpp"
#include "explain/explainer.hpp"
#include "explain/text.hpp"

namespace dunetrace::cli {
namespace {

constexpr std::size_t kTextChars = 2000;

constexpr auto kHead = R"(# Reference of the detectors

<!-- Written by `dunetrace plugin doc` from what the plugins say about themselves; do not edit. -->

What each detector looks for and what can be set in `detectors.yml`, under `default:`, an agent id or a category. Besides its own
parameters every detector takes:

| key | default | meaning |
|---|---|---|
| `enabled` | `true` | `false`: it is not run |
| `shadow` | `false`; `true` for plugins that did not come with the host, and for a version 0.x of one that did | its findings are stored, but not counted or alerted |
| `severity` | its own | `LOW`, `MEDIUM`, `HIGH` or `CRITICAL` instead; what a run as a whole makes of it comes after |
| `timeout_ms` | `50` | it is given up on a run after so long |

To see what is in force for an agent, and where it was said: `dunetrace detectors show --agent ID`. To see what a change would do to
recorded runs: `dunetrace backtest --config FILE`.

)";

// One line of Markdown that shows the text as it is.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : explain::one_line(text, kTextChars)) {
    if (c == '|' || c == '<' || c == '*' || c == '_' || c == '[' || c == '`' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

std::string code(std::string_view text) {
  auto clean = explain::clean(text, kTextChars);
  for (std::size_t at = 0; (at = clean.find('|', at)) != std::string::npos; at += 2) clean.insert(at, 1, '\\');
  return "`" + clean + "`";
}

std::string codes(const std::vector<std::string>& texts) {
  std::string out;
  for (const auto& text : texts) out += (out.empty() ? "" : ", ") + code(text);
  return out;
}

std::string row_of(const config::ParamSpec& spec) {
  auto doc = escaped(spec.doc);
  if (spec.required) doc = "Required. " + doc;
  if (spec.deprecated) doc = "Deprecated. " + doc;
  const auto def = spec.def && !spec.secret ? code(value_text(*spec.def)) : "none";
  auto range = range_text(spec);
  range = range.empty() ? std::string(type_text(spec.type)) : fmt::format("{}, {}", type_text(spec.type), range);
  return fmt::format("| {} | {} | {} | {} | {} |\n", code(spec.name), def, escaped(spec.unit), escaped(range), doc);
}

std::string section_of(const plugin::Component& component) {
  const auto& schema = component.schema;
  auto out = fmt::format("## {}\n\n{}\n\n", schema.id, escaped(schema.doc));
  if (!schema.signal_types.empty()) out += fmt::format("Emits {}.", codes(schema.signal_types));
  std::vector<std::string> paths;
  for (const auto& text : component.templates)
    std::ranges::copy(explain::evidence_paths(text), std::back_inserter(paths));
  std::ranges::sort(paths);
  paths.erase(std::unique(paths.begin(), paths.end()), paths.end());
  if (!paths.empty()) out += fmt::format(" Its texts are made of the evidence {}.", codes(paths));
  out += schema.signal_types.empty() && paths.empty() ? "" : "\n\n";
  if (schema.params.empty()) return out + "It has no parameters.\n";
  out += "| parameter | default | unit | values | meaning |\n|---|---|---|---|---|\n";
  for (const auto& spec : schema.params) out += row_of(spec);
  return out;
}

Result<std::vector<plugin::Library>> libraries(const std::vector<std::string>& files, Trial& trial) {
  std::vector<plugin::Library> out;
  for (const auto& file : files) {
    DUNE_TRY(library, trial.open(file));
    out.push_back(std::move(library));
  }
  if (!files.empty()) return out;
  DUNE_TRY(setup, load_setup());
  telemetry::Logger log(telemetry::Level::error);
  DUNE_TRY(registry, plugin::Registry::load(load_options(setup, Purpose::tool, {}, log), log));
  // The host's own that are on probation have a page of their own (`plugin doc FILE`) until they are a version 1.
  for (const auto& library : registry.libraries()) {
    const auto on_probation = [](const plugin::Component& component) { return component.schema.on_probation; };
    if (std::ranges::none_of(library.components, on_probation)) out.push_back(library);
  }
  return out;
}

}  // namespace

Result<int> plugin_doc(const std::vector<std::string>& files) {
  Trial trial;
  DUNE_TRY(loaded, libraries(files, trial));
  std::vector<const plugin::Component*> detectors;
  for (const auto& library : loaded) {
    for (const auto& component : library.components) {
      if (component.schema.kind == "detector") detectors.push_back(&component);
    }
  }
  std::ranges::sort(detectors, {}, [](const plugin::Component* component) { return component->schema.id; });
  std::string page = kHead;
  page += "| detector | what it finds |\n|---|---|\n";
  for (const auto* each : detectors) {
    page += fmt::format("| [{0}](#{0}) | {1} |\n", each->schema.id, escaped(each->schema.doc));
  }
  for (const auto* each : detectors) page += "\n" + section_of(*each);
  std::fwrite(page.data(), 1, page.size(), stdout);
  return 0;
}

}  // namespace dunetrace::cli
