// dunetrace plugin describe|run|doc: tools for one plugin at a time, whether it is installed or not.
#include <memory>

#include "cli/command.hpp"
#include "cli/plugin_commands.hpp"

namespace dunetrace::cli {

Command make_plugin(CLI::App& parent) {
  struct Arguments {
    std::string file;
    bool json = false;
    PluginRun run;
    std::vector<std::string> files;
  };
  auto* app = parent.add_subcommand("plugin", "Look at a plugin file, try it, document it");
  app->require_subcommand(1);
  const auto args = std::make_shared<Arguments>();
  auto* describe = app->add_subcommand("describe", "Print what a plugin says about itself");
  describe->add_option("file", args->file, "FILE.so")->required();
  describe->add_flag("--json", args->json, "Everything, for programs");
  auto* run = app->add_subcommand("run", "Let a plugin's detectors judge one run");
  run->add_option("file", args->run.file, "FILE.so")->required();
  run->add_option("--run", args->run.run, "The run: {\"events\": [wire events]} or the list of events")->required();
  run->add_option("--param", args->run.params, "name=value, as in detectors.yml; may be repeated")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  run->add_flag("--explain", args->run.explain, "Print the explanation of every signal, too");
  auto* doc = app->add_subcommand("doc", "Write the operators' reference page (Markdown)");
  doc->add_option("files", args->files, "FILE.so … (default: the plugins that came with the host)");
  return {app, [=] {
            const auto code = describe->parsed() ? plugin_describe(args->file, args->json)
                              : run->parsed()    ? plugin_run(args->run)
                                                 : plugin_doc(args->files);
            return code ? *code : report(code.error());
          }};
}

}  // namespace dunetrace::cli
