// dunetrace detectors check [FILE]: is this detectors.yml right for the plugins that are installed? The other
// subcommands have their own files.
#include <cstdio>
#include <memory>

#include "cli/command.hpp"
#include "cli/detectors_show.hpp"
#include "cli/setup.hpp"

namespace dunetrace::cli {
namespace {

Result<int> check(const std::string& file) {
  DUNE_TRY(setup, load_setup());
  telemetry::Logger log(telemetry::Level::error);
  DUNE_TRY(detectors, load_detectors(setup, log, file, Purpose::look));
  std::size_t live = 0;
  std::size_t shadow = 0;
  for (const auto& detector : detectors.config.profile_for("").detectors) {
    if (!detector.enabled) continue;
    ++(detector.shadow ? shadow : live);
  }
  for (const auto& warning : detectors.config.warnings()) std::printf("warning: %s\n", warning.c_str());
  const auto profiles = detectors.config.profiles().size();
  std::printf("%s is valid: %zu detectors live, %zu in shadow by default; %zu %s\n", detectors.file.c_str(), live,
              shadow, profiles, profiles == 1 ? "profile" : "profiles");
  return 0;
}

}  // namespace

Command make_detectors(CLI::App& parent) {
  auto* app = parent.add_subcommand("detectors", "Look at the detectors' configuration");
  app->require_subcommand(1);
  auto* one = app->add_subcommand("check", "Check a detectors.yml against the installed plugins");
  const auto file = std::make_shared<std::string>();
  one->add_option("file", *file, "The file (default: the one the host would read)");
  const auto args = std::make_shared<DetectorsShow>();
  auto* show = app->add_subcommand("show", "Show what runs are judged by, and where each value was said");
  show->add_option("detector", args->detector, "Only this one (default: all)");
  show->add_option("--agent", args->agent, "For the runs of this agent (default: of agents without a section)");
  show->add_option("--config", args->file, "The detectors.yml (default: the one the host would read)");
  show->add_flag("--json", args->json, "As one JSON object");
  return {app, [=] {
            const auto code = show->parsed() ? detectors_show(*args) : check(*file);
            return code ? *code : report(code.error());
          }};
}

}  // namespace dunetrace::cli
