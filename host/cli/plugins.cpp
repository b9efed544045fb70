// dunetrace plugins: reads the arguments; each subcommand has its own file.
#include <memory>
#include <string>
#include <vector>

#include "cli/command.hpp"
#include "cli/plugins_lock.hpp"
#include "cli/plugins_state.hpp"

namespace dunetrace::cli {

Command make_plugins(CLI::App& parent) {
  auto* app = parent.add_subcommand("plugins", "Look at the plugins");
  app->require_subcommand(1);
  const auto json = std::make_shared<bool>(false);
  auto* show = app->add_subcommand("list", "List every component, its state and its file");
  show->add_flag("--json", *json, "As one JSON object");
  const auto component = std::make_shared<std::string>();
  auto* enable = app->add_subcommand("enable", "Put a quarantined component back to work");
  enable->add_option("component", *component, "Its id, as in detectors.yml")->required();
  const auto args = std::make_shared<PluginsLock>();
  auto* lock = app->add_subcommand("lock", "Write the list of the plugins a directory may load (plugins.lock)");
  lock->add_option("directory", args->directory, "DIR with *.so")->required();
  lock->add_option("--mode", args->modes, "FILE=in_process or FILE=isolated; may be repeated")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  auto* sign = lock->add_option("--sign", args->sign, "Write plugins.lock.sig with this Ed25519 private key (PEM)");
  lock->add_flag("--check", args->check, "Only say what would change; exit code 1 when something would")
      ->excludes(sign);
  lock->add_flag("--own", args->own, "DIR holds the host's own plugins, which run in its process");
  const auto directories = std::make_shared<std::vector<std::string>>();
  auto* verify = app->add_subcommand("verify", "Say what the host would load and what it refuses, and why");
  verify->add_option("directories", *directories, "DIR … (default: all that are configured)");
  return {app, [=] {
            const auto code = lock->parsed()     ? plugins_lock(*args)
                              : verify->parsed() ? plugins_verify(*directories)
                              : enable->parsed() ? plugins_enable(*component)
                                                 : plugins_list(*json);
            return code ? *code : report(code.error());
          }};
}

}  // namespace dunetrace::cli
