// The subcommands of `dunetrace plugin`; plugin.cpp reads their arguments.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/result.hpp"

namespace CLI {
class App;
}

namespace dunetrace::cli {

// What a plugin says about itself, for people or as JSON.
[[nodiscard]] Result<int> plugin_describe(const std::string& file, bool json);

struct PluginRun {
  std::string file;
  std::string run;                  // a JSON file
  std::vector<std::string> params;  // name=value as in detectors.yml
  bool explain = false;
  std::vector<std::string> allow;  // origins besides those of the parameters
  std::uint32_t attempt = 1;       // of a delivery
  bool attempt_given = false;
  std::string action;  // of an integration
  std::string input;   // JSON, or @FILE
  bool dry_run = false;
};
// Detectors: what they find in one run. A destination: delivers what the installed detectors find in it. With an
// action: what the integration answers. Exit code 1 when one of them fails.
[[nodiscard]] Result<int> plugin_run(const PluginRun& args);

struct PluginNew {
  std::string kind;  // detector, alert or integration
  std::string name;
  std::string lang = "cpp";
  std::string directory;  // empty = ./<name>
  std::string license = "Apache-2.0";
  std::string vendor = "Example";
};
// A project for a new plugin, from the installation's templates. Never overwrites anything.
[[nodiscard]] Result<int> plugin_new(const PluginNew& args);

struct PluginTest {
  std::string target;  // a project's directory, or the library
  std::string plugin;  // the library, when the target is a directory with several or none
  std::vector<std::string> cases;
};
// Runs and what must be found in them, against a library of any language. Exit code 1 when something differs.
[[nodiscard]] Result<int> plugin_test(const PluginTest& args);

// The operators' reference page of these plugins, or of those that came with the host, as Markdown.
[[nodiscard]] Result<int> plugin_doc(const std::vector<std::string>& files);

struct PluginCheck {
  std::string file;
  bool json = false;
  bool list = false;
  std::string only;                 // one test
  std::vector<std::string> runs;    // JSON files
  std::vector<std::string> cases;   // cases.yml
  std::vector<std::string> params;  // name=value
  std::string child;                // this process is a child for this test
  unsigned kinds = 0;               // of the child's library
};
void add_plugin_check(CLI::App& parent, PluginCheck& args);
// Every rule of the contract, each tried in a process of its own. Exit code 1 when one does not hold.
[[nodiscard]] Result<int> plugin_check(const PluginCheck& args);

}  // namespace dunetrace::cli
