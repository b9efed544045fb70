#include "plugin/registry.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "plugin/isolation/outside.hpp"
#include "plugin/policy/directory_loader.hpp"

namespace dunetrace::plugin {

Result<Library> load_library(const std::filesystem::path& file, bool first_party) {
  DUNE_TRY(directory, open_directory(std::filesystem::absolute(file).parent_path()));
  DUNE_TRY(opened, open_library(directory, file.filename().string()));
  DUNE_TRY_VOID(check_elf(opened.fd.get(), file));
  DUNE_TRY(sha256, policy::hash_of(opened));
  DUNE_TRY(library, policy::map_library(opened.path, file, first_party));
  library.sha256 = std::move(sha256);
  return library;
}

Result<Library> load_library_outside(const std::filesystem::path& file, bool first_party,
                                     const RunnerOptions& options) {
  DUNE_TRY(directory, open_directory(std::filesystem::absolute(file).parent_path()));
  DUNE_TRY(opened, open_library(directory, file.filename().string()));
  DUNE_TRY_VOID(check_elf(opened.fd.get(), file));
  DUNE_TRY(sha256, policy::hash_of(opened));
  DUNE_TRY(library, policy::ask_library(file, file, first_party, options));
  library.sha256 = std::move(sha256);
  return library;
}

Result<Registry> Registry::load(const std::filesystem::path& own, const std::vector<std::filesystem::path>& others,
                                telemetry::Logger& log) {
  LoadOptions options;
  options.own = own;
  options.others = others;
  options.unlocked = options.for_tools = options.in_place = true;
  return load(options, log);
}

Result<Registry> Registry::load(const LoadOptions& options, telemetry::Logger& log) {
  DUNE_TRY(shared, policy::Shared::open(options, log));
  Registry registry;
  registry.unlocked_ = options.unlocked;
  const auto take = [&](const std::filesystem::path& path, bool first_party, std::string_view place) -> Result<> {
    auto directory = policy::DirectoryLoader::open(path, first_party, shared);
    if (!directory && !place.empty()) return tl::unexpected<Error>(std::move(directory).error().in(place));
    if (!directory) return tl::unexpected<Error>(std::move(directory).error());
    return registry.load_directory(*directory, options.previous, log);
  };
  DUNE_TRY_VOID(take(options.own, true, {}));
  if (registry.loaded_.empty()) {
    return fail(Code::not_found, fmt::format("plugin directory: {}: none of its plugins is listed in plugins.lock; "
                                             "run: dunetrace plugins lock '{}'",
                                             options.own.string(), options.own.string()));
  }
  for (std::size_t i = 0; i < options.others.size(); ++i) {
    DUNE_TRY_VOID(take(options.others[i], false, i < options.places.size() ? options.places[i] : ""));
  }
  for (const auto& loaded : registry.loaded_) registry.libraries_.push_back(loaded->library);
  DUNE_TRY_VOID(registry.index());
  if (shared.copies && !options.private_dir.empty()) shared.copies->remove_unused();
  log.info("plugins.loaded", {{"libraries", registry.libraries_.size()},
                              {"components", registry.entries_.size()},
                              {"not_loaded", registry.refusals_.size()}});
  return registry;
}

Result<> Registry::load_directory(const policy::DirectoryLoader& directory, const Registry* previous,
                                  telemetry::Logger& log) {
  if (const auto missing = directory.missing(); !missing.empty()) {
    return fail(Code::not_found, "plugin: " + directory.missing_text(missing.front()));
  }
  for (const auto& name : directory.files()) {
    const auto path = directory.directory().path / name;
    if (auto reason = directory.unlisted(name); !reason.empty()) {
      refuse({path, std::move(reason)}, previous, log);
      continue;
    }
    DUNE_TRY(loaded, directory.load(name, previous == nullptr ? nullptr : previous->loaded_from(path)));
    if (!loaded.failure.empty()) {
      refuse({path, std::move(loaded.failure), std::move(loaded.absent), true}, previous, log);
      continue;
    }
    if (!loaded.notice.empty()) {
      if (std::ranges::find(previous->notices_, loaded.notice) == previous->notices_.end()) {
        const auto* const event =
            loaded.library.mode == Mode::isolated ? "plugin.change_not_taken" : "plugin.restart_needed";
        log.warn(event, {{"file", path.string()}, {"reason", loaded.notice}});
      }
      behind_ = behind_ || loaded.library.mode == Mode::isolated;
      notices_.push_back(loaded.notice);
    }
    loaded_.push_back(std::make_shared<const policy::Loaded>(std::move(loaded)));
  }
  return {};
}

void Registry::refuse(Refusal refusal, const Registry* previous, telemetry::Logger& log) {
  if (previous == nullptr || !previous->told(refusal)) {
    log.warn("plugin.not_loaded", {{"file", refusal.file.string()}, {"reason", refusal.reason}});
  }
  refusals_.push_back(std::move(refusal));
}

std::vector<config::NotLoaded> Registry::not_loaded() const {
  std::vector<config::NotLoaded> out;
  for (const auto& refusal : refusals_) {
    for (const auto& id : refusal.components) {
      if (find(id) == nullptr) out.push_back({id, refusal.file.string() + ": " + refusal.reason});
    }
  }
  return out;
}

bool Registry::incomplete() const { return behind_ || std::ranges::any_of(refusals_, &Refusal::failed); }

bool Registry::leave_out_unanswered(const Registry* previous, telemetry::Logger& log) {
  bool any = false;
  for (auto& library : libraries_) {
    if (library.first_party || library.mode != Mode::isolated) continue;
    std::erase_if(library.components, [&](const Component& component) {
      const auto& id = component.schema.id;
      if (component.outside == nullptr || (previous != nullptr && previous->find(id) != nullptr)) return false;
      const auto why = component.outside->unanswered(id);
      if (!why) return false;
      refuse({library.path, fmt::format("{}: its parameters could not be checked: {}", id, *why), {id}, true}, previous,
             log);
      return any = true;
    });
  }
  if (!any) return false;
  entries_.clear();
  for (const auto& library : libraries_) {
    for (const auto& component : library.components) entries_.push_back({&library, &component});
  }
  return true;
}

void Registry::sweep() const {
  std::set<Outside*> swept;  // one for all components of a library
  for (const auto& entry : entries_) {
    auto* const outside = entry.component->outside.get();
    if (outside != nullptr && swept.insert(outside).second) outside->sweep();
  }
}

const policy::Loaded* Registry::loaded_from(const std::filesystem::path& path) const {
  const auto found =
      std::ranges::find_if(loaded_, [&](const auto& each) { return each->library.path == path.string(); });
  return found == loaded_.end() ? nullptr : found->get();
}

bool Registry::told(const Refusal& refusal) const {
  return std::ranges::any_of(
      refusals_, [&](const Refusal& other) { return other.file == refusal.file && other.reason == refusal.reason; });
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
  std::map<std::string, const Library*> by_bytes;
  std::map<std::string, const Library*> by_library;
  for (const auto& library : libraries_) {
    if (const auto [same, fresh] = by_bytes.emplace(library.sha256, &library); !fresh && !library.sha256.empty()) {
      return fail(Code::conflict, fmt::format("plugins {} and {} are the same library (sha256 {}); remove one of them",
                                              same->second->path, library.path, library.sha256));
    }
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
    if (const auto [same, fresh] = by_library.emplace(library.id, &library); !fresh && !library.id.empty()) {
      return fail(Code::conflict, fmt::format("plugins {} and {} are both called '{}'; remove one of them",
                                              same->second->path, library.path, library.id));
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
