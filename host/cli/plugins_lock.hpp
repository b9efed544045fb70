// dunetrace plugins lock|verify. Called by the command `plugins`.
#pragma once

#include <string>
#include <vector>

#include "core/result.hpp"

namespace dunetrace::cli {

struct PluginsLock {
  std::string directory;
  std::vector<std::string> modes;  // "FILE=in_process"
  std::string sign;                // private key in PEM; empty = no signature is written
  bool check = false;              // say what would change, write nothing
  bool own = false;                // of the host's own plugins, wherever it lies; else found out
};

// Writes the directory's plugins.lock and prints what changed. With `check` 1 when something would.
[[nodiscard]] Result<int> plugins_lock(const PluginsLock& args);

// Prints what the host would load and what not; 1 when something is refused. No directory: all that are configured.
[[nodiscard]] Result<int> plugins_verify(const std::vector<std::string>& directories);

}  // namespace dunetrace::cli
