// Dispatches to the subcommands; each has its own file.
#include <CLI/CLI.hpp>
#include <csignal>
#include <exception>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

#include "cli/command.hpp"
#include "cli/plugin_runner.hpp"

namespace {

// The --help of the subcommand whose arguments were wrong.
std::string help_of(const CLI::App& app) {
  std::string out = app.get_name();
  for (auto inner = app.get_subcommands(); !inner.empty(); inner = inner.front()->get_subcommands())
    out += " " + inner.front()->get_name();
  return out + " --help";
}

int run(int argc, char** argv) {
  using namespace dunetrace;
  CLI::App app("Watches AI agents from outside of their content and names what went wrong.", "dunetrace");
  app.set_version_flag("--version", "dunetrace " DUNETRACE_VERSION);
  app.require_subcommand(1);
  app.footer(
      "Settings come from the environment and from .env; operating.md (share/doc/dunetrace, or docs/) lists them.");
  const std::vector<cli::Command> commands{
      cli::make_up(app),       cli::make_serve(app),   cli::make_demo(app),         cli::make_migrate(app),
      cli::make_keys(app),     cli::make_plugins(app), cli::make_plugin(app),       cli::make_detectors(app),
      cli::make_backtest(app), cli::make_spool(app),   cli::make_dead_letters(app), cli::make_retention(app),
      cli::make_explain(app)};
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
    // A word that is no subcommand shows up only as "a subcommand is required"; say which word it was.
    const auto left_over = app.remaining(true);
    const bool unknown_word = dynamic_cast<const CLI::RequiredError*>(&error) != nullptr && !left_over.empty();
    std::cerr << "dunetrace: " << (unknown_word ? "'" + left_over.front() + "' is not a subcommand here" : error.what())
              << " (see " << help_of(app) << ")\n";
    return cli::kUsage;
  }
  for (const auto& command : commands) {
    if (command.app->parsed()) return command.run();
  }
  return cli::kUsage;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1 && argv[1] == std::string_view(dunetrace::cli::kPluginRunner))
    return dunetrace::cli::plugin_runner(argc, argv);  // before anything else: its start is waited for
  std::signal(SIGPIPE, SIG_IGN);  // a client that goes away is an error of one write, not the end of the host
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::cerr << "dunetrace: " << error.what() << "\n";
  }
  return dunetrace::cli::kFailed;
}
