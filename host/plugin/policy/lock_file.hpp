// plugins.lock: the allow-list of a plugin directory (plugin-abi.md 18, check 3). One entry per library: which bytes,
// what they say about themselves, where they may run. Written by `dunetrace plugins lock`, reviewed like code.
// Pure functions and file access; any thread.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"
#include "plugin/descriptor.hpp"
#include "plugin/path_policy.hpp"

namespace dunetrace::plugin::policy {

constexpr auto kLockName = "plugins.lock";

[[nodiscard]] std::string_view to_text(Mode mode);
// "in_process" or "isolated".
[[nodiscard]] std::optional<Mode> mode_from(std::string_view text);

struct LockEntry {
  std::string sha256;  // 64 lower-case hex characters
  std::string id;
  std::string version;
  std::map<std::string, std::string> components;  // id → kind
  Mode mode = Mode::isolated;
  bool operator==(const LockEntry&) const = default;
};

struct LockFile {
  std::map<std::string, LockEntry> entries;  // by file name

  // Errors name file, line and what was expected.
  [[nodiscard]] static Result<LockFile> parse(std::string_view text, std::string_view name);
  // The same entries give the same bytes.
  [[nodiscard]] std::string text() const;
};

// Its text as it stands; nothing when the directory has none.
[[nodiscard]] Result<std::optional<std::string>> read_lock(const Directory& directory);
// `name` of the directory gets this content, whole or not at all.
[[nodiscard]] Result<> write_whole(const Directory& directory, const std::string& name, std::string_view text);

// What `library` says about itself as an entry.
[[nodiscard]] LockEntry entry_of(const Library& library);
// Whether it is what the entry lists; the error names both values and the remedy but for the file.
[[nodiscard]] Result<> check_listed(const LockEntry& listed, const LockEntry& found, const Directory& directory);

// One line per library that differs, for people: "added …", "removed …", "changed …: version 1.0 → 1.1".
[[nodiscard]] std::vector<std::string> differences(const LockFile& before, const LockFile& after);

// "run: dunetrace plugins lock DIR"
[[nodiscard]] std::string lock_command(const Directory& directory);

}  // namespace dunetrace::plugin::policy
