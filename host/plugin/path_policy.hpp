// Which directories and files the host is willing to load code from (plugin-abi.md 18, checks 1 and 2).
#pragma once

#include <filesystem>

#include "core/result.hpp"

namespace dunetrace::plugin {

// An absolute path, every component of which belongs to root, the user of this process or the owner of the host's
// executable, and is writable by nobody else (a sticky directory such as /tmp counts as protected). Symbolic links are
// resolved first; gives the resolved path. The error names the component and the remedy.
[[nodiscard]] Result<std::filesystem::path> check_directory(const std::filesystem::path& directory);

// A regular file in an accepted directory under the same owner rule, no setuid bits, at most 64 MB, named *.so, and a
// whole ELF library for this machine: mapping a half-copied file would end the process with a bus error.
[[nodiscard]] Result<> check_file(const std::filesystem::path& file);

}  // namespace dunetrace::plugin
