// The plugins of this process: found, checked, loaded, described. Immutable once loaded; shared by all roles.
#pragma once

#include <filesystem>
#include <string_view>
#include <vector>

#include "core/result.hpp"
#include "plugin/descriptor.hpp"
#include "telemetry/log.hpp"

namespace dunetrace::plugin {

// Where a component comes from.
struct Entry {
  const Library* library = nullptr;
  const Component* component = nullptr;
};

class Registry {
 public:
  // Loads every *.so of `own` (the host's plugins) and of `others`, in the order of the file names. The first refusal
  // ends it: the error names the file, the reason and, for two components with one id, both files.
  [[nodiscard]] static Result<Registry> load(const std::filesystem::path& own,
                                             const std::vector<std::filesystem::path>& others, telemetry::Logger& log);
  // A registry of libraries that are already described, for tests and tools.
  [[nodiscard]] static Result<Registry> of(std::vector<Library> libraries);

  [[nodiscard]] const std::vector<Library>& libraries() const { return libraries_; }
  [[nodiscard]] const std::vector<Entry>& components() const { return entries_; }
  [[nodiscard]] const Entry* find(std::string_view id) const;
  [[nodiscard]] std::vector<config::ComponentSchema> schemas() const;

 private:
  Result<> index();
  std::vector<Library> libraries_;
  std::vector<Entry> entries_;
};

// One library: file checks, dlopen, entry, describe. It stays mapped until the process ends.
[[nodiscard]] Result<Library> load_library(const std::filesystem::path& file, bool first_party);

}  // namespace dunetrace::plugin
