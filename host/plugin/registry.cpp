#include "plugin/registry.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "plugin/describe.hpp"
#include "plugin/detector.hpp"
#include "plugin/path_policy.hpp"

namespace dunetrace::plugin {
namespace {

Result<std::vector<std::filesystem::path>> candidates(const std::filesystem::path& directory) {
  DUNE_TRY(resolved, check_directory(directory));
  std::vector<std::filesystem::path> files;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(resolved, error)) {
    if (entry.path().extension() == ".so") files.push_back(entry.path());
  }
  if (error) return fail(Code::not_found, fmt::format("{}: {}", resolved.string(), error.message()));
  std::ranges::sort(files);
  return files;
}

}  // namespace

Result<Library> load_library(const std::filesystem::path& file, bool first_party) {
  DUNE_TRY_VOID(check_file(file));
  // NODELETE: descriptors and vtables must stay valid; LOCAL: plugins do not see each other; NOW: a missing symbol
  // shows here and not at the first call.
  void* const handle = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (handle == nullptr) {
    const char* const why = ::dlerror();  // NOLINT(concurrency-mt-unsafe): per thread in glibc
    return fail(Code::invalid_argument,
                fmt::format("{}: cannot be loaded: {}", file.string(), why == nullptr ? "?" : why));
  }
  const auto entry = reinterpret_cast<dune_entry_fn>(::dlsym(handle, "dune_plugin_entry_v1"));
  if (entry == nullptr) {
    return fail(Code::invalid_argument,
                fmt::format("{}: exports no dune_plugin_entry_v1, so it is no plugin", file.string()));
  }
  auto library = describe(entry());
  if (!library) return tl::unexpected<Error>(std::move(library).error().in(file.string()));
  library->path = file.string();
  library->file = file;
  library->first_party = first_party;
  for (auto& component : library->components) {
    component.schema.first_party = first_party;
    if (component.schema.kind == "detector") component.schema.check = parameter_check(component);
  }
  return library;
}

Result<Registry> Registry::load(const std::filesystem::path& own, const std::vector<std::filesystem::path>& others,
                                telemetry::Logger& log) {
  Registry registry;
  const auto load_all = [&](const std::filesystem::path& directory, bool first_party) -> Result<> {
    auto files = candidates(directory);
    if (!files) return tl::unexpected<Error>(std::move(files).error().in("plugin directory"));
    if (files->empty() && first_party) {
      return fail(Code::not_found, fmt::format("plugin directory: {}: holds no plugin (*.so)", directory.string()));
    }
    for (const auto& file : *files) {
      auto library = load_library(file, first_party);
      if (!library) return tl::unexpected<Error>(std::move(library).error().in("plugin"));
      registry.libraries_.push_back(std::move(*library));
    }
    return {};
  };
  DUNE_TRY_VOID(load_all(own, true));
  for (const auto& directory : others) DUNE_TRY_VOID(load_all(directory, false));
  DUNE_TRY_VOID(registry.index());
  log.info("plugins.loaded", {{"libraries", registry.libraries_.size()}, {"components", registry.entries_.size()}});
  return registry;
}

Result<Registry> Registry::of(std::vector<Library> libraries) {
  Registry registry;
  registry.libraries_ = std::move(libraries);
  DUNE_TRY_VOID(registry.index());
  return registry;
}

Result<> Registry::index() {
  std::map<std::string, const Library*> by_id;
  std::map<std::string, const Library*> by_type;
  for (const auto& library : libraries_) {
    for (const auto& component : library.components) {
      const auto [seen, fresh] = by_id.emplace(component.schema.id, &library);
      if (!fresh) {
        return fail(Code::conflict, fmt::format("plugins {} and {} both provide '{}'; remove one of them",
                                                seen->second->path, library.path, component.schema.id));
      }
      for (const auto& type : component.schema.signal_types) {
        const auto [other, first] = by_type.emplace(type, &library);
        if (!first) {
          return fail(Code::conflict, fmt::format("plugins {} and {} both emit '{}'; remove one of them",
                                                  other->second->path, library.path, type));
        }
      }
      entries_.push_back({&library, &component});
    }
  }
  return {};
}

const Entry* Registry::find(std::string_view id) const {
  const auto found = std::ranges::find_if(entries_, [&](const Entry& e) { return e.component->schema.id == id; });
  return found == entries_.end() ? nullptr : &*found;
}

std::vector<config::ComponentSchema> Registry::schemas() const {
  std::vector<config::ComponentSchema> out;
  out.reserve(entries_.size());
  for (const auto& entry : entries_) out.push_back(entry.component->schema);
  return out;
}

}  // namespace dunetrace::plugin
