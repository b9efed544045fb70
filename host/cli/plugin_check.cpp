// dunetrace plugin check FILE.so: the conformance tests. The same executable is run again for each of them (--child).
#include <CLI/App.hpp>
#include <CLI/CLI.hpp>

#include "cli/plugin_arguments.hpp"
#include "cli/plugin_commands.hpp"
#include "cli/plugin_trial.hpp"
#include "conformance/check.hpp"

namespace dunetrace::cli {
namespace {

// A wrong --param is no fault of the plugin's. Of a library that cannot say what it takes the tests say why.
Result<> check_given_params(const PluginCheck& args) {
  DUNE_TRY(params, read_params(args.params));
  if (params.empty()) return {};
  Trial trial;
  const auto library = trial.open(args.file);
  if (!library) return {};
  std::vector<config::ComponentSchema> schemas;
  for (const auto& component : library->components) schemas.push_back(component.schema);
  return check_params(schemas, params);
}

}  // namespace

void add_plugin_check(CLI::App& parent, PluginCheck& args) {
  auto* check = parent.add_subcommand("check", "Try whether a plugin keeps the contract");
  check->add_option("file", args.file, "FILE.so");
  check->add_flag("--json", args.json, "The report for programs");
  check->add_flag("--list", args.list, "Only name the tests");
  check->add_option("--only", args.only, "One test");
  const auto many = [&](const char* name, std::vector<std::string>& into, const char* what) {
    check->add_option(name, into, what)->expected(1)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  };
  many("--run", args.runs, "A run to judge besides the built-in ones, as for `plugin run`; may be repeated");
  many("--cases", args.cases, "A cases.yml whose runs are judged, too; may be repeated");
  many("--param", args.params, "name=value instead of the default; may be repeated");
  check->add_option("--child", args.child)->group("");  // not in --help: for the children of this command
  check->add_option("--kinds", args.kinds)->group("");
}

Result<int> plugin_check(const PluginCheck& args) {
  if (args.list) {
    print(conformance::list_tests());
    return 0;
  }
  if (args.file.empty()) return fail(Code::invalid_argument, "plugin check: which file? (see --help)");
  conformance::CheckOptions options;
  options.file = args.file;
  options.only = args.only;
  options.runs = args.runs;
  options.cases = args.cases;
  options.params = args.params;
  options.executable = "/proc/self/exe";
  options.kinds = args.kinds;
  if (args.child.empty()) DUNE_TRY_VOID(check_given_params(args));
  if (!args.child.empty()) return conformance::check_child(options, args.child);
  DUNE_TRY(report, conformance::check(options));
  print(args.json ? conformance::report_json(report) : conformance::report_text(report));
  return report.ok() ? 0 : 1;
}

}  // namespace dunetrace::cli
