// The plugins of this process: found, checked, loaded, described. Immutable once loaded; shared by all roles.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "config/detectors_file.hpp"
#include "core/result.hpp"
#include "plugin/descriptor.hpp"
#include "plugin/load_options.hpp"
#include "telemetry/log.hpp"

namespace dunetrace::plugin {

namespace policy {
struct Loaded;
class DirectoryLoader;
}  // namespace policy

// Where a component comes from.
struct Entry {
  const Library* library = nullptr;
  const Component* component = nullptr;
};

// A file in a plugin directory that was left out, or components of one.
struct Refusal {
  std::filesystem::path file;
  std::string reason;  // with the command that mends it
  // What the lock file lists of it; others' settings for these are no mistakes. Empty: it is not listed.
  std::vector<std::string> components{};
  bool failed = false;  // it is listed, and crashed, hung or could not be run when it was asked
};

class Registry {
 public:
  // Loads what the lock files of the directories list, in the order of the file names. Files that are not listed are
  // left out with a warning each, and so are libraries of others that crash or hang in their runner. Everything else
  // that is wrong ends it: the error names the file, what was expected, what was found and the remedy.
  [[nodiscard]] static Result<Registry> load(const LoadOptions& options, telemetry::Logger& log);
  // Every *.so of these directories, in this process, without lock files and copies: for tests and measurements.
  [[nodiscard]] static Result<Registry> load(const std::filesystem::path& own,
                                             const std::vector<std::filesystem::path>& others, telemetry::Logger& log);
  // A registry of libraries that are already described, for tests and tools.
  [[nodiscard]] static Result<Registry> of(std::vector<Library> libraries);

  [[nodiscard]] const std::vector<Library>& libraries() const { return libraries_; }
  [[nodiscard]] const std::vector<Entry>& components() const { return entries_; }
  [[nodiscard]] const Entry* find(std::string_view id) const;
  [[nodiscard]] std::vector<config::ComponentSchema> schemas() const;
  // What lies in the directories and was not loaded.
  [[nodiscard]] const std::vector<Refusal>& refusals() const { return refusals_; }
  // What of the refused is listed, as detectors.yml is told of it.
  [[nodiscard]] std::vector<config::NotLoaded> not_loaded() const;
  // Something listed is missing or stayed as it was, which may be otherwise when it is tried again.
  [[nodiscard]] bool incomplete() const;
  // Takes out the components of others' isolated libraries that crashed or hung when they were asked to check their
  // parameters, with a refusal each; but those that `previous` has stay, so that a bad change is a bad change. False
  // when there are none.
  bool leave_out_unanswered(const Registry* previous, telemetry::Logger& log);
  // What was loaded and is not what lies in the directories: "…: has changed; … takes effect after a restart".
  [[nodiscard]] const std::vector<std::string>& notices() const { return notices_; }
  // Now and then, from any thread: runners that explain end when nobody has asked them for a while, and those that
  // ended by themselves are reaped.
  void sweep() const;
  // Nothing was asked of lock files.
  [[nodiscard]] bool unlocked() const { return unlocked_; }

 private:
  Result<> index();
  void refuse(Refusal refusal, const Registry* previous, telemetry::Logger& log);
  Result<> load_directory(const policy::DirectoryLoader& directory, const Registry* previous, telemetry::Logger& log);
  [[nodiscard]] const policy::Loaded* loaded_from(const std::filesystem::path& path) const;
  [[nodiscard]] bool told(const Refusal& refusal) const;

  std::vector<Library> libraries_;
  std::vector<Entry> entries_;
  std::vector<Refusal> refusals_;
  std::vector<std::string> notices_;
  std::vector<std::shared_ptr<const policy::Loaded>> loaded_;  // what the next generation may take over
  bool unlocked_ = false;
  bool behind_ = false;  // an isolated library changed into one that crashed or hung, and the old one stays
};

// One library by its path, mapped where it lies: for tools that were given the file by name. It stays mapped until the
// process ends.
[[nodiscard]] Result<Library> load_library(const std::filesystem::path& file, bool first_party);
// The same under the same rules, but not mapped here: described in a process of its own, and isolated.
[[nodiscard]] Result<Library> load_library_outside(const std::filesystem::path& file, bool first_party,
                                                   const RunnerOptions& options);

}  // namespace dunetrace::plugin
