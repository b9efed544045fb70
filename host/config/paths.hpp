// Where this program's own files lie. The build tree and an installation have the same shape:
// <prefix>/bin/dunetrace, <prefix>/share/dunetrace/…, <prefix>/lib/dunetrace/plugins. Called once at start.
#pragma once

#include <filesystem>

#include "core/result.hpp"

namespace dunetrace::config {

struct Paths {
  std::filesystem::path migrations;      // directory of numbered SQL files
  std::filesystem::path dashboard;       // directory of static files
  std::filesystem::path detectors_file;  // the detectors.yml that came with the program
  std::filesystem::path plugins;         // directory of first-party plugins
};

// Relative to `executable`, or to the running program (/proc/self/exe) when it is empty. An error names the directory
// that is missing.
[[nodiscard]] Result<Paths> find_paths(std::filesystem::path executable = {});

}  // namespace dunetrace::config
