// dunetrace plugin new|describe|run|test|doc: tools for one plugin at a time, whether it is installed or not.
#include <memory>

#include "cli/command.hpp"
#include "cli/plugin_commands.hpp"

namespace dunetrace::cli {

namespace {

PluginRun with_given(PluginRun args, const CLI::Option& attempt) {
  args.attempt_given = attempt.count() > 0;
  return args;
}

}  // namespace

Command make_plugin(CLI::App& parent) {
  struct Arguments {
    std::string file;
    bool json = false;
    PluginRun run;
    std::vector<std::string> files;
    PluginNew project;
    PluginTest test;
    PluginCheck check;
  };
  auto* app = parent.add_subcommand("plugin", "Look at a plugin file, try it, document it");
  app->require_subcommand(1);
  const auto args = std::make_shared<Arguments>();
  auto* describe = app->add_subcommand("describe", "Print what a plugin says about itself");
  describe->add_option("file", args->file, "FILE.so")->required();
  describe->add_flag("--json", args->json, "Everything, for programs");
  auto* run = app->add_subcommand("run", "Try a plugin: judge a run, deliver its alerts, do an action");
  run->add_option("file", args->run.file, "FILE.so")->required();
  run->add_option("--run", args->run.run, "The run: {\"events\": [wire events]} or the list of events");
  run->add_option("--param", args->run.params, "name=value, as in detectors.yml; may be repeated")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  run->add_flag("--explain", args->run.explain, "Print the explanation of every signal, too");
  run->add_option("--allow", args->run.allow, "An origin it may reach besides its own, as https://host:port")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  auto* attempt = run->add_option("--attempt", args->run.attempt, "Deliver as the n-th attempt")->capture_default_str();
  run->add_option("--action", args->run.action, "What an integration is to do");
  run->add_option("--input", args->run.input, "Of the action: a JSON object, or @FILE")->needs("--action");
  run->add_flag("--dry-run", args->run.dry_run, "Only say what the action would change")->needs("--action");
  auto* doc = app->add_subcommand("doc", "Write the operators' reference page (Markdown)");
  doc->add_option("files", args->files, "FILE.so … (default: the plugins that came with the host)");
  auto* fresh = app->add_subcommand("new", "Write a project for a plugin of your own: source, build files, tests");
  fresh->add_option("kind", args->project.kind, "detector, alert or integration")
      ->required()
      ->check(CLI::IsMember({"detector", "alert", "integration"}));
  fresh->add_option("name", args->project.name, "What it is called, in lower_snake_case")->required();
  fresh->add_option("--lang", args->project.lang, "cpp, c or rust (needs cargo)")
      ->check(CLI::IsMember({"cpp", "c", "rust"}))
      ->capture_default_str();
  fresh->add_option("--dir", args->project.directory, "Where to write it; must be new or empty (default: ./NAME)");
  fresh->add_option("--license", args->project.license, "Apache-2.0 or MIT")
      ->check(CLI::IsMember({"Apache-2.0", "MIT"}))
      ->capture_default_str();
  fresh->add_option("--vendor", args->project.vendor, "Whose plugin it is")->capture_default_str();
  auto* test = app->add_subcommand("test", "Play a project's cases: runs and what must be found in them");
  test->add_option("target", args->test.target, "The project's directory (with build/*.so), or FILE.so")->required();
  test->add_option("--plugin", args->test.plugin, "The library, when the directory has none or several");
  test->add_option("--cases", args->test.cases, "Files of cases (default: cases.yml and cases/*.yml of the project)");
  add_plugin_check(*app, args->check);
  return {app, [=] {
            const bool check = app->got_subcommand("check");
            const auto code = check                ? plugin_check(args->check)
                              : describe->parsed() ? plugin_describe(args->file, args->json)
                              : run->parsed()      ? plugin_run(with_given(args->run, *attempt))
                              : fresh->parsed()    ? plugin_new(args->project)
                              : test->parsed()     ? plugin_test(args->test)
                                                   : plugin_doc(args->files);
            return code ? *code : report(code.error());
          }};
}

}  // namespace dunetrace::cli
