// Which directories and files the host is willing to load code from (plugin-abi.md 18, checks 1 and 2). Everything is
// checked by the descriptor that is used afterwards: what somebody puts under the same name meanwhile changes nothing.
// Pure functions of the file system.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/fd.hpp"
#include "core/result.hpp"

namespace dunetrace::plugin {

// A directory that passed, held open.
struct Directory {
  Fd fd;
  std::filesystem::path path;  // without symbolic links
};

// What tells one state of a file from another without reading it.
struct FileIdentity {
  std::uint64_t device = 0, inode = 0;
  std::int64_t bytes = 0, modified_ns = 0, changed_ns = 0;
  bool operator==(const FileIdentity&) const = default;
};

// A file that passed, held open.
struct OpenFile {
  Fd fd;
  std::filesystem::path path;
  FileIdentity identity;
};

// An absolute path, every component of which belongs to root, the user of this process or the owner of the host's
// executable, and is writable by nobody else (a sticky directory such as /tmp counts as protected). Symbolic links are
// resolved first, then each component is opened from its parent without following any. The error names the component
// and the remedy.
[[nodiscard]] Result<Directory> open_directory(const std::filesystem::path& directory);
// The same where only the resolved path is of use.
[[nodiscard]] Result<std::filesystem::path> check_directory(const std::filesystem::path& directory);

// The names of the *.so in it, sorted.
[[nodiscard]] Result<std::vector<std::string>> library_names(const Directory& directory);

// lib<name>.so or <name>.so with a name of letters, digits, '_', '.', '+' and '-'.
[[nodiscard]] bool is_library_name(std::string_view name);

// A plugin of that directory: a regular file, no link, under the same owner rule, no setuid bits, at most 64 MB.
[[nodiscard]] Result<OpenFile> open_library(const Directory& directory, const std::string& name);

// Any other file of the host under that rule, at most `most_bytes` long: its text. Nothing when there is none.
[[nodiscard]] Result<std::optional<std::string>> read_text(const Directory& directory, const std::string& name,
                                                           std::size_t most_bytes);

// Whether everything the loader would map is there (a 64-bit ELF library for this byte order): mapping a half-copied
// file would end the process with a bus error. `path` is for the error.
[[nodiscard]] Result<> check_elf(int fd, const std::filesystem::path& path);

// All rules for one file by its path.
[[nodiscard]] Result<> check_file(const std::filesystem::path& file);

}  // namespace dunetrace::plugin
