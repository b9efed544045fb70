// dunetrace plugins list: what is loaded, from where, and whether it is live.
#include <cstdio>

#include "cli/command.hpp"
#include "cli/setup.hpp"

namespace dunetrace::cli {
namespace {

const char* state(const config::DetectorSettings& detector) {
  if (!detector.enabled) return "disabled";
  return detector.shadow ? "shadow" : "live";
}

Result<int> list() {
  DUNE_TRY(setup, load_setup());
  telemetry::Logger log(telemetry::Level::warn);
  DUNE_TRY(detectors, load_detectors(setup, log));
  std::printf("%-26s %-12s %-9s %-26s %s\n", "COMPONENT", "KIND", "STATE", "EMITS", "FILE (VERSION)");
  const auto& entries = detectors.registry.components();
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const auto& schema = entries[i].component->schema;
    const char* now = "-";
    for (const auto& detector : detectors.config.profile_for("").detectors) {
      if (detector.component == i) now = state(detector);
    }
    std::string types;
    for (const auto& type : schema.signal_types) types += (types.empty() ? "" : ",") + type;
    std::printf("%-26s %-12s %-9s %-26s %s (%s)\n", schema.id.c_str(), schema.kind.c_str(), now, types.c_str(),
                entries[i].library->path.c_str(), entries[i].library->version.c_str());
  }
  return 0;
}

}  // namespace

Command make_plugins(CLI::App& parent) {
  auto* app = parent.add_subcommand("plugins", "Look at the plugins");
  app->require_subcommand(1);
  app->add_subcommand("list", "List every component, its state and its file");
  return {app, [] {
            const auto code = list();
            return code ? *code : report(code.error());
          }};
}

}  // namespace dunetrace::cli
