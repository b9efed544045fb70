// What identifies the state of detectors.yml and of the plugin directories on disk, without reading them: the reloader
// compares two looks. Pure but for stat() and readdir().
#pragma once

#include <compare>
#include <cstdint>
#include <filesystem>
#include <map>
#include <vector>

namespace dunetrace::cli {

// A file that was written to, replaced by rename or removed has another one. Its ctime cannot be set back.
struct Identity {
  bool there = false;
  std::uint64_t device = 0, inode = 0;
  std::int64_t size_bytes = 0, modified_ns = 0, changed_ns = 0;
  bool operator==(const Identity&) const = default;
};

using Snapshot = std::map<std::filesystem::path, Identity>;

// Symbolic links are followed: a mounted configuration map is swapped by changing one.
[[nodiscard]] Identity identify(const std::filesystem::path& file);

// The lock file, its signature and the libraries of a plugin directory. A directory that cannot be read has an
// identity of its own that says so.
void add_plugin_directory(const std::filesystem::path& directory, Snapshot& to);

}  // namespace dunetrace::cli
