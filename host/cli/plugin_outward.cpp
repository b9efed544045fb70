#include "cli/plugin_outward.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "backtest/file_source.hpp"
#include "cli/explainers.hpp"
#include "cli/plugin_arguments.hpp"
#include "cli/plugin_services.hpp"
#include "cli/setup.hpp"
#include "config/component_values.hpp"
#include "config/secrets.hpp"
#include "core/clock.hpp"
#include "core/hash.hpp"
#include "detect/judge.hpp"
#include "detect/replay.hpp"
#include "explain/text.hpp"
#include "plugin/destination.hpp"
#include "plugin/integration.hpp"
#include "plugin/isolation/outside.hpp"

namespace dunetrace::cli {
namespace {

constexpr std::size_t kLineChars = 2000;

// What an outward component stands on, alive as long as it is.
struct Ground {
  explicit Ground(const std::vector<http::Origin>& allowed) : services(log, metrics, outbound, allowed) {}

  telemetry::Logger log{telemetry::Level::warn};
  telemetry::Metrics metrics;
  SystemClock clock;
  http::Outbound outbound{log, clock};
  ProcessServices services;
  // The library crashes or hangs in a process of its own, and the tool says so.
  plugin::Outward how{.runner = {.log = &log}};
};

// The library as the tool runs it, whichever way it was looked at before.
Result<plugin::Library> outside(plugin::Library library, Ground& ground) {
  if (library.mode == plugin::Mode::isolated) return library;
  std::error_code failed;
  const auto path = std::filesystem::canonical(library.path, failed);
  if (failed) return fail(Code::not_found, "plugin " + library.path + ": " + failed.message());
  return plugin::describe_outside(path, ground.how.runner);
}

Result<std::vector<http::Origin>> origins_of(const std::vector<std::string>& texts) {
  std::vector<http::Origin> out;
  for (const auto& text : texts) {
    auto origin = operator_origin(text);
    if (!origin) return tl::unexpected<Error>(std::move(origin).error().in("--allow " + explain::clean(text, 200)));
    out.push_back(std::move(*origin));
  }
  return out;
}

// The library's only component of this kind.
Result<plugin::Entry> only(const plugin::Library& library, std::string_view kind, const std::string& file) {
  plugin::Entry found;
  for (const auto& component : library.components) {
    if (component.schema.kind != kind) continue;
    if (found.component != nullptr) {
      return fail(Code::invalid_argument, fmt::format("{}: brings more than one {}", file, kind));
    }
    found = {&library, &component};
  }
  if (found.component == nullptr) return fail(Code::invalid_argument, fmt::format("{}: brings no {}", file, kind));
  return found;
}

// --param against the component's table, with secrets read; the component may go where they say.
Result<std::vector<config::ParamValue>> values_of(const config::ComponentSchema& schema, const PluginRun& args,
                                                  bool dev_mode, ProcessServices& services) {
  DUNE_TRY(params, read_params(args.params));
  std::string yaml;
  for (const auto& [name, value] : params) yaml += name + ": " + value + "\n";
  auto read = config::component_values(schema, yaml, "--param");
  config::wipe(yaml);
  if (!read) return tl::unexpected<Error>(std::move(read).error());
  DUNE_TRY(environment, config::Environment::load(".env"));
  DUNE_TRY_VOID(config::Secrets(environment, dev_mode).resolve(schema, read->values, read->warnings));
  for (const auto& warning : read->warnings) std::fprintf(stderr, "dunetrace: warning: %s\n", warning.c_str());
  services.admit(schema.id, read->values);
  return std::move(read->values);
}

// What the installed detectors find in the run, explained. The ids are the same for the same run, as in production.
Result<std::vector<plugin::Alert>> alerts_of(const std::string& file, const Setup& setup, Ground& ground) {
  DUNE_TRY(text, text_of_file(file));
  auto events = backtest::read_run(text, {});
  if (!events) return tl::unexpected<Error>(std::move(events).error().in(file));
  DUNE_TRY(detectors, load_detectors(setup, ground.log));
  const auto explainer = make_explainer(detectors.registry, ground.log);
  const auto run = detect::Replayer().replay(std::move(*events));
  const auto verdict = detect::Judge(detectors.registry, detectors.config, ground.log).judge(run);
  std::vector<plugin::Alert> out;
  for (const auto& signal : verdict.signals) {
    auto said = explainer.explain({signal.failure_type, signal.severity, signal.confidence, signal.step_index,
                                   run.source.run_id, run.agent_id, run.agent_version, signal.evidence});
    plugin::Alert alert;
    alert.signal_id = hash16(fmt::format("{}\n{}", run.source.run_id, signal.failure_type));
    alert.signal_type = signal.failure_type;
    alert.run_id = run.source.run_id;
    alert.agent_id = run.agent_id;
    alert.agent_version = run.agent_version;
    alert.severity = signal.severity;
    alert.step_index = signal.step_index;
    alert.confidence = signal.confidence;
    alert.detected_at = ground.clock.unix_seconds();
    alert.title = std::move(said.title);
    alert.what = std::move(said.what);
    alert.why_it_matters = std::move(said.why_it_matters);
    alert.evidence_summary = std::move(said.evidence_summary);
    alert.evidence = signal.evidence;
    alert.fixes = std::move(said.suggested_fixes);
    out.push_back(std::move(alert));
  }
  return out;
}

// One key for one destination and these signals, however often they are delivered.
std::string key_of(const std::string& component, const std::vector<plugin::Alert>& alerts) {
  std::string text = component;
  for (const auto& alert : alerts) text += "\n" + alert.signal_id;
  return sha256_hex(text);
}

}  // namespace

Result<int> deliver_run(plugin::Library library, const PluginRun& args) {
  if (args.run.empty()) {
    return fail(Code::invalid_argument, args.file + ": brings a destination; --run FILE names the run to judge");
  }
  DUNE_TRY(allowed, origins_of(args.allow));
  Ground ground(allowed);
  DUNE_TRY(isolated, outside(std::move(library), ground));
  DUNE_TRY(entry, only(isolated, "alert", args.file));
  DUNE_TRY(setup, load_setup());
  DUNE_TRY(values, values_of(entry.component->schema, args, setup.settings.host.dev_mode, ground.services));
  DUNE_TRY(destination, plugin::Destination::create(entry, std::move(values), ground.services, ground.how));
  DUNE_TRY(alerts, alerts_of(args.run, setup, ground));
  if (alerts.empty()) {
    print("nothing found, nothing delivered\n");
    return 0;
  }
  const auto found = alerts.size();
  alerts.resize(std::min<std::size_t>(found, destination.max_batch()));
  plugin::AlertBatch batch;
  batch.attempt = args.attempt;
  batch.idempotency_key = key_of(entry.component->schema.id, alerts);
  batch.alerts = std::move(alerts);
  const auto done = destination.deliver(batch);
  auto line = fmt::format("{}: {} of {} alerts, idempotency key {}", to_text(done.outcome), batch.alerts.size(), found,
                          batch.idempotency_key);
  if (done.retry_after) line += fmt::format(", again after {} ms", done.retry_after->count());
  if (!done.text.empty()) line += ": " + explain::one_line(done.text, kLineChars);
  print(line + "\n");
  return done.outcome == plugin::Delivery::Outcome::delivered ? 0 : 1;
}

Result<int> invoke_action(plugin::Library library, const PluginRun& args) {
  DUNE_TRY(allowed, origins_of(args.allow));
  Ground ground(allowed);
  DUNE_TRY(isolated, outside(std::move(library), ground));
  DUNE_TRY(entry, only(isolated, "integration", args.file));
  plugin::ActionCall call;
  call.action = args.action;
  call.dry_run = args.dry_run;
  call.idempotency_key = sha256_hex(entry.component->schema.id + "\n" + args.action + "\n" + args.input);
  if (args.input.starts_with('@')) {
    DUNE_TRY(text, text_of_file(args.input.substr(1)));
    call.input = std::move(text);
  } else if (!args.input.empty()) {
    call.input = args.input;
  }
  DUNE_TRY(setup, load_setup());
  DUNE_TRY(values, values_of(entry.component->schema, args, setup.settings.host.dev_mode, ground.services));
  DUNE_TRY(integration, plugin::Integration::create(entry, std::move(values), ground.services, ground.how));
  auto result = integration.invoke(call);
  if (!result && result.error().code != Code::not_found && result.error().code != Code::invalid_argument) {
    std::fprintf(stderr, "dunetrace: %s\n", explain::one_line(result.error().text, kLineChars).c_str());
    return 1;  // the action failed; nothing is wrong with how it was asked for
  }
  if (!result) return tl::unexpected<Error>(std::move(result).error());
  print(*result + "\n");
  return 0;
}

}  // namespace dunetrace::cli
