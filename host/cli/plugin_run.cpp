// dunetrace plugin run FILE.so --run run.json: what a plugin's detectors find in one run, on the way of production
// (admission, replay, judging, explanation) without a database. Destinations and integrations: plugin_outward.cpp.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "backtest/file_source.hpp"
#include "cli/explainers.hpp"
#include "cli/plugin_arguments.hpp"
#include "cli/plugin_commands.hpp"
#include "cli/plugin_outward.hpp"
#include "cli/plugin_trial.hpp"
#include "cli/setup.hpp"
#include "detect/judge.hpp"
#include "detect/replay.hpp"
#include "explain/text.hpp"

namespace dunetrace::cli {
namespace {

constexpr std::size_t kLineChars = 2000;

using Params = std::vector<std::pair<std::string, std::string>>;

// Host keys that every detector takes besides its parameters.
bool is_host_key(std::string_view name) {
  return name == "enabled" || name == "shadow" || name == "severity" || name == "timeout_ms";
}

bool takes(const config::ComponentSchema& schema, std::string_view name) {
  return is_host_key(name) || std::ranges::find(schema.params, name, &config::ParamSpec::name) != schema.params.end();
}

// The parameters as a detectors.yml, so that they are read by the same rules; `lines` says which is on which line.
std::string yaml_of(const std::vector<config::ComponentSchema>& schemas, const Params& settings, Params& lines) {
  std::string yaml = "default:\n";
  lines.emplace_back("", "");
  for (std::size_t i = 0; i < schemas.size(); ++i) {
    yaml += "  " + schemas[i].id + ":\n";
    lines.emplace_back("", "");
    for (const auto& [name, value] : settings) {
      // What nobody takes goes to the first one, whose refusal says what there is.
      const bool unknown = std::ranges::none_of(schemas, [&](const auto& schema) { return takes(schema, name); });
      if (!takes(schemas[i], name) && (!unknown || i != 0)) continue;
      yaml += "    " + name + ": " + value + "\n";
      lines.emplace_back(name, value);
    }
  }
  return yaml;
}

void print_explanation(const explain::Explanation& text) {
  print(fmt::format("  {}\n  {}\n  {}\n  {}\n", explain::one_line(text.title, kLineChars),
                    explain::one_line(text.what, kLineChars), explain::one_line(text.why_it_matters, kLineChars),
                    explain::one_line(text.evidence_summary, kLineChars)));
  for (const auto& fix : text.suggested_fixes) {
    print(fmt::format("  fix: {} ({})\n", explain::one_line(fix.description, kLineChars), fix.language));
    for (std::size_t at = 0; at < fix.code.size();) {
      const auto end = std::min(fix.code.find('\n', at), fix.code.size());
      const auto line = explain::one_line(fix.code.substr(at, end - at), kLineChars);
      print(line.empty() ? "\n" : "      " + line + "\n");
      at = end + 1;
    }
  }
}

// --param in every component's place, or what is wrong with it in terms of --param.
Result<config::DetectorsConfig> config_of(const plugin::Registry& registry, const PluginRun& args) {
  auto schemas = registry.schemas();
  std::erase_if(schemas, [](const config::ComponentSchema& schema) { return schema.kind != "detector"; });
  DUNE_TRY(settings, read_params(args.params));
  Params lines;
  const auto yaml = yaml_of(schemas, settings, lines);
  const auto named = [&](const Error& error) { return fail(error.code, with_param_names(error.text, lines)); };
  const auto file = config::DetectorsFile::parse(yaml, "--param");
  if (!file) return named(file.error());
  auto config = file->resolve(registry.schemas(), {});
  if (!config) return named(config.error());
  return std::move(*config);
}

Result<int> judge_run(plugin::Library library, const PluginRun& args, Trial& trial) {
  DUNE_TRY(text, text_of_file(args.run, "one run: {\"events\": [wire events]} or the list of events"));
  auto events = backtest::read_run(text, {});
  if (!events) return tl::unexpected<Error>(std::move(events).error().in(args.run));

  std::vector<plugin::Library> libraries;
  libraries.push_back(std::move(library));
  DUNE_TRY(registry, plugin::Registry::of(std::move(libraries)));
  DUNE_TRY(config, config_of(registry, args));

  const auto explainer = make_explainer(registry, trial.log());
  const auto run = detect::Replayer().replay(std::move(*events));
  const auto verdict = detect::Judge(registry, config, trial.log(), trial.isolation()).judge(run);
  for (const auto& signal : verdict.signals) {
    print(fmt::format("{} {} confidence {} (scored by the host) step {}\n", signal.failure_type,
                      to_text(signal.severity), explain::human_number(signal.confidence), signal.step_index));
    print(fmt::format("  evidence: {}\n", signal.evidence));
    if (!args.explain) continue;
    print_explanation(explainer.explain({signal.failure_type, signal.severity, signal.confidence, signal.step_index,
                                         run.source.run_id, run.agent_id, run.agent_version, signal.evidence}));
  }
  for (const auto& failure : verdict.failures) {
    std::fprintf(stderr, "dunetrace: %s: %s\n", failure.detector.c_str(),
                 explain::one_line(failure.reason, kLineChars).c_str());
  }
  if (verdict.signals.empty() && verdict.failures.empty()) print("nothing found\n");
  return verdict.failures.empty() ? 0 : 1;
}

}  // namespace

Result<int> plugin_run(const PluginRun& args) {
  Trial trial;
  DUNE_TRY(library, trial.open(args.file));
  const auto brings = [&library](std::string_view kind) {
    return std::ranges::any_of(library.components, [&](const auto& one) { return one.schema.kind == kind; });
  };
  const Given attempt{"--attempt", args.attempt_given, "deliveries of a destination"};
  const Given explain{"--explain", args.explain, "detectors"};
  if (!args.action.empty()) {
    if (!brings("integration")) {
      return fail(Code::invalid_argument, "--action is for integrations; " + args.file + " brings none");
    }
    const Given run{"--run", !args.run.empty(), "detectors and destinations"};
    DUNE_TRY_VOID(refuse_given({attempt, explain, run}, args.file, "an integration"));
    DUNE_TRY(mapped, load_plugin(args.file, true));
    return invoke_action(std::move(mapped), args);
  }
  if (!brings("detector") && brings("alert")) {
    DUNE_TRY_VOID(refuse_given({explain}, args.file, "a destination"));
    DUNE_TRY(mapped, load_plugin(args.file, true));
    return deliver_run(std::move(mapped), args);
  }
  if (!brings("detector") && brings("integration")) {
    return fail(Code::invalid_argument, args.file + ": brings an integration; --action names what it is to do (see " +
                                            "`dunetrace plugin describe`)");
  }
  if (!brings("detector")) return fail(Code::invalid_argument, args.file + ": brings nothing that this host knows");
  const Given allow{"--allow", !args.allow.empty(), "destinations and integrations"};
  DUNE_TRY_VOID(refuse_given({attempt, allow}, args.file, "a detector"));
  if (args.run.empty()) return fail(Code::invalid_argument, "--run FILE is required: the run to judge");
  return judge_run(std::move(library), args, trial);
}

}  // namespace dunetrace::cli
