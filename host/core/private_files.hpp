// Directories and files that only the user of this process may read, whatever the umask says. Any thread.
#pragma once

#include <filesystem>

#include "core/result.hpp"

namespace dunetrace {

// Makes the directory (0700), and those above it as usual. One that is there stays as it is. Code::denied when it
// cannot be made.
[[nodiscard]] Result<> make_private_directory(const std::filesystem::path& path);

// An empty file (0600), for whoever opens it next by its name. One that is there stays as it is, and is not opened: its
// locks would be lost. Errors are left to whoever opens it.
void create_private_file(const std::filesystem::path& path);

// Takes the rights of others off what is there. False when that failed.
[[nodiscard]] bool make_private(const std::filesystem::path& path);

}  // namespace dunetrace
