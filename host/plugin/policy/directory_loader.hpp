// One plugin directory under the loading policy (plugin-abi.md 18): checked, its lock file read, its libraries loaded
// one by one. The registry and `plugins lock|verify` use it. One thread at a time.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/result.hpp"
#include "plugin/load_options.hpp"
#include "plugin/path_policy.hpp"
#include "plugin/policy/lock_file.hpp"
#include "plugin/policy/private_copy.hpp"
#include "plugin/policy/signature.hpp"
#include "telemetry/log.hpp"

namespace dunetrace::plugin::policy {

// A library and what keeps it: the state of the file it came from, and its copy.
struct Loaded {
  Library library;
  FileIdentity identity;
  std::shared_ptr<const Hold> hold;  // empty when it was loaded in place
  std::string notice;                // why it is not what lies in the directory now; mostly empty
  // Why the library could not say what it is: it crashed, hung, or no runner could be started. Nothing of it is to be
  // used then; `absent` is what its lock entry lists. Only others' isolated libraries may fail like this.
  std::string failure{};
  std::vector<std::string> absent{};
};

// What the directories of one load share.
struct Shared {
  const LoadOptions& options;
  telemetry::Logger& log;
  std::shared_ptr<const PrivateDirectory> copies;  // empty: in place
  std::optional<PublicKey> key;

  [[nodiscard]] static Result<Shared> open(const LoadOptions& options, telemetry::Logger& log);
};

class DirectoryLoader {
 public:
  // The directory's own checks, its lock file and its signature. `shared` outlives it.
  [[nodiscard]] static Result<DirectoryLoader> open(const std::filesystem::path& path, bool first_party,
                                                    const Shared& shared);

  [[nodiscard]] const Directory& directory() const { return directory_; }
  [[nodiscard]] const std::vector<std::string>& files() const { return files_; }  // *.so that are there
  [[nodiscard]] std::vector<std::string> missing() const;                         // listed, but not there
  // Why a file is left out although it is there; empty when it is to be loaded.
  [[nodiscard]] std::string unlisted(const std::string& name) const;
  // Checks 2 to 6 for one file. `before`: what the previous generation has of it. The error names the file.
  [[nodiscard]] Result<Loaded> load(const std::string& name, const Loaded* before) const;
  [[nodiscard]] std::string missing_text(const std::string& name) const;

 private:
  DirectoryLoader(Directory directory, bool first_party, const Shared& shared)
      : directory_(std::move(directory)), first_party_(first_party), shared_(&shared) {}
  Result<> read(const std::filesystem::path& as_named);
  [[nodiscard]] Mode mode_of(const LockEntry* entry) const;
  [[nodiscard]] const LockEntry* entry_of_file(const std::string& name) const;
  [[nodiscard]] Result<Loaded> load_bytes(const std::string& name, const OpenFile& file, const Loaded* before) const;
  [[nodiscard]] Result<Loaded> not_described(const Error& why, const LockEntry* entry, const OpenFile& file, Mode mode,
                                             const Loaded* before) const;
  [[nodiscard]] Result<Library> describe_file(const std::filesystem::path& file, const OpenFile& source,
                                              Mode mode) const;

  Directory directory_;
  bool first_party_;
  const Shared* shared_;
  std::vector<std::string> files_;
  std::optional<LockFile> lock_;
};

// Maps a library into this process and reads its descriptor. `shown` is what errors and Library::path call it.
[[nodiscard]] Result<Library> map_library(const std::filesystem::path& file, const std::filesystem::path& shown,
                                          bool first_party);
// The same for a library that stays outside of it.
[[nodiscard]] Result<Library> ask_library(const std::filesystem::path& file, const std::filesystem::path& shown,
                                          bool first_party, const RunnerOptions& runner);

}  // namespace dunetrace::plugin::policy
