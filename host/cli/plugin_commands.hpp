// The subcommands of `dunetrace plugin`; plugin.cpp reads their arguments.
#pragma once

#include <string>
#include <vector>

#include "core/result.hpp"

namespace dunetrace::cli {

// What a plugin says about itself, for people or as JSON.
[[nodiscard]] Result<int> plugin_describe(const std::string& file, bool json);

struct PluginRun {
  std::string file;
  std::string run;                  // a JSON file
  std::vector<std::string> params;  // name=value as in detectors.yml
  bool explain = false;
};
// What the plugin's detectors find in one run. Exit code 1 when one of them fails.
[[nodiscard]] Result<int> plugin_run(const PluginRun& args);

// The operators' reference page of these plugins, or of those that came with the host, as Markdown.
[[nodiscard]] Result<int> plugin_doc(const std::vector<std::string>& files);

}  // namespace dunetrace::cli
