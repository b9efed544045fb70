#include "plugin/policy/directory_loader.hpp"

#include <dlfcn.h>
#include <dunetrace/plugin.h>
#include <fmt/format.h>

#include <algorithm>

#include "plugin/describe.hpp"
#include "plugin/detector.hpp"
#include "plugin/isolation/call_record.hpp"
#include "plugin/isolation/outside.hpp"

namespace dunetrace::plugin::policy {
namespace {

constexpr std::size_t kMaxSignatureBytes = 4096;

Library& named(Library& library, const std::filesystem::path& file, const std::filesystem::path& shown,
               bool first_party) {
  library.path = shown.string();
  library.file = file;
  library.first_party = first_party;
  for (auto& component : library.components) {
    component.schema.first_party = first_party;
    component.schema.on_probation = library.version.starts_with("0.");
  }
  return library;
}

// A data directory that others could change code in keeps no copies; a fresh directory then does.
Result<std::shared_ptr<const PrivateDirectory>> private_directory(const LoadOptions& options, telemetry::Logger& log) {
  if (options.private_dir.empty()) return PrivateDirectory::temporary();
  auto copies = PrivateDirectory::open(options.private_dir);
  if (copies) return copies;
  auto fresh = PrivateDirectory::temporary();
  if (!fresh) return fail(Code::denied, copies.error().text + "; nor can they lie elsewhere: " + fresh.error().text);
  if (options.previous == nullptr) {
    log.warn("plugins.copies_elsewhere", {{"directory", (*fresh)->path().string()}, {"reason", copies.error().text}});
  }
  return fresh;
}

// Checking parameters is a call into the library like any other: who ends the host with it is known at the next start.
void write_down_checks(Library& library, const LoadOptions& options) {
  struct Who {
    Library library;
    Component component;
  };
  for (auto& component : library.components) {
    auto& check = component.schema.check;
    if (!check) continue;
    if (options.silent_checks.contains({component.schema.id, library.sha256})) {
      check = [](std::span<const config::ParamValue>) -> std::optional<std::string> {
        return "cannot be checked: its validate() ended the host's process the last time; replace the library, or let "
               "plugins.lock say that it is isolated";
      };
      continue;
    }
    if (options.record == nullptr) continue;
    const auto who = std::make_shared<Who>();  // the library moves on
    who->library.id = library.id;
    who->library.version = library.version;
    who->library.sha256 = library.sha256;
    who->component.schema.id = component.schema.id;
    check = [inner = std::move(check), who, record = options.record](std::span<const config::ParamValue> values) {
      const CallRecord::Setup written(record, {&who->library, &who->component}, Phase::validate);
      return inner(values);
    };
  }
}

}  // namespace

Result<Library> map_library(const std::filesystem::path& file, const std::filesystem::path& shown, bool first_party) {
  // NODELETE: descriptors and vtables must stay valid; LOCAL: plugins do not see each other; NOW: a missing symbol
  // shows here and not at the first call.
  void* const handle = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (handle == nullptr) {
    const char* const why = ::dlerror();  // NOLINT(concurrency-mt-unsafe): per thread in glibc
    return fail(Code::invalid_argument,
                fmt::format("{}: cannot be loaded: {}", shown.string(), why == nullptr ? "?" : why));
  }
  const auto entry = reinterpret_cast<dune_entry_fn>(::dlsym(handle, "dune_plugin_entry_v1"));
  if (entry == nullptr) {
    return fail(Code::invalid_argument,
                fmt::format("{}: exports no dune_plugin_entry_v1, so it is no plugin", shown.string()));
  }
  auto library = describe(entry());
  if (!library) return tl::unexpected<Error>(std::move(library).error().in(shown.string()));
  library->mode = Mode::in_process;
  for (auto& component : library->components) {
    if (component.schema.kind == "detector") component.schema.check = parameter_check(component);
  }
  return std::move(named(*library, file, shown, first_party));
}

Result<Shared> Shared::open(const LoadOptions& options, telemetry::Logger& log) {
  Shared shared{options, log, nullptr, std::nullopt};
  if (!options.in_place) {
    auto copies = private_directory(options, log);
    if (!copies) return tl::unexpected<Error>(std::move(copies).error().in("copies of plugins"));
    shared.copies = std::move(*copies);
  }
  if (!options.public_key.empty() && !options.unlocked) {
    DUNE_TRY(key, PublicKey::load(options.public_key));
    shared.key = std::move(key);
  }
  return shared;
}

Result<DirectoryLoader> DirectoryLoader::open(const std::filesystem::path& path, bool first_party,
                                              const Shared& shared) {
  auto directory = open_directory(path);
  if (!directory) return tl::unexpected<Error>(std::move(directory).error().in("plugin directory"));
  DirectoryLoader loader(std::move(*directory), first_party, shared);
  auto read = loader.read(path);
  if (!read) return tl::unexpected<Error>(std::move(read).error().in("plugin directory"));
  return loader;
}

Result<> DirectoryLoader::read(const std::filesystem::path& as_named) {
  DUNE_TRY(names, library_names(directory_));
  files_ = std::move(names);
  if (files_.empty() && first_party_) {
    return fail(Code::not_found, fmt::format("{}: holds no plugin (*.so)", as_named.string()));
  }
  if (shared_->options.unlocked) return {};
  const auto path = (directory_.path / kLockName).string();
  DUNE_TRY(text, read_lock(directory_));
  if (!text) {
    if (!first_party_) return {};  // nothing is listed, so nothing is loaded
    return fail(Code::not_found,
                fmt::format("{}: no such file, so no plugin may be loaded; {}", path, lock_command(directory_)));
  }
  if (shared_->key && !first_party_) {
    const auto name = (directory_.path / kSignatureName).string();
    DUNE_TRY(signature, read_text(directory_, kSignatureName, kMaxSignatureBytes));
    if (!signature) {
      return fail(Code::denied,
                  fmt::format("{}: no such file, but PLUGINS_PUBLIC_KEY asks for a signature of {}; {} --sign KEY.pem",
                              name, path, lock_command(directory_)));
    }
    auto good = shared_->key->check(*text, *signature);
    if (!good) return tl::unexpected<Error>(std::move(good).error().in(name));
  }
  DUNE_TRY(lock, LockFile::parse(*text, path));
  lock_ = std::move(lock);
  return {};
}

const LockEntry* DirectoryLoader::entry_of_file(const std::string& name) const {
  if (!lock_) return nullptr;
  const auto found = lock_->entries.find(name);
  return found == lock_->entries.end() ? nullptr : &found->second;
}

std::vector<std::string> DirectoryLoader::missing() const {
  std::vector<std::string> out;
  if (!lock_) return out;
  for (const auto& [name, entry] : lock_->entries) {
    if (!std::ranges::binary_search(files_, name)) out.push_back(name);
  }
  return out;
}

std::string DirectoryLoader::missing_text(const std::string& name) const {
  return fmt::format("{}: no such file, but {} lists it; put it back, or {}", (directory_.path / name).string(),
                     (directory_.path / kLockName).string(), lock_command(directory_));
}

std::string DirectoryLoader::unlisted(const std::string& name) const {
  if (shared_->options.unlocked || entry_of_file(name) != nullptr) return {};
  return fmt::format("not listed in {}; look at it, then {}", (directory_.path / kLockName).string(),
                     lock_command(directory_));
}

Mode DirectoryLoader::mode_of(const LockEntry* entry) const {
  if (shared_->options.for_tools) return Mode::in_process;
  if (entry != nullptr) return entry->mode;
  return first_party_ ? Mode::in_process : Mode::isolated;
}

Result<Loaded> DirectoryLoader::load(const std::string& name, const Loaded* before) const {
  auto loaded = [&]() -> Result<Loaded> {
    DUNE_TRY(file, open_library(directory_, name));
    return load_bytes(name, file, before);
  }();
  if (!loaded) return tl::unexpected<Error>(std::move(loaded).error().in("plugin"));
  return loaded;
}

Result<Loaded> DirectoryLoader::load_bytes(const std::string& name, const OpenFile& file, const Loaded* before) const {
  const auto* const entry = entry_of_file(name);
  const auto mode = mode_of(entry);
  const auto check = [&](const LockEntry& found) -> Result<> {
    if (entry == nullptr) return {};
    auto same = check_listed(*entry, found, directory_);
    if (!same) return tl::unexpected<Error>(std::move(same).error().in(file.path.string()));
    return {};
  };
  if (before != nullptr && before->library.first_party != first_party_) before = nullptr;
  // Not even read again: its state has not changed since it was hashed, and its copy is what is used anyway.
  if (before != nullptr && before->identity == file.identity && before->library.mode == mode &&
      before->notice.empty()) {
    DUNE_TRY_VOID(check(entry_of(before->library)));
    return *before;
  }
  Copy copy;
  if (shared_->copies) {
    DUNE_TRY(placed, shared_->copies->place(file, entry == nullptr ? std::nullopt : std::optional(entry->sha256)));
    copy = std::move(placed);
  } else {
    DUNE_TRY(sha256, hash_of(file));
    DUNE_TRY_VOID(check_elf(file.fd.get(), file.path));
    copy = {std::move(sha256), file.path, nullptr};
  }
  if (entry != nullptr && copy.sha256 != entry->sha256) {
    auto found = *entry;
    found.sha256 = copy.sha256;
    DUNE_TRY_VOID(check(found));
  }
  if (before != nullptr && before->library.mode == mode) {
    if (before->library.sha256 == copy.sha256) {
      DUNE_TRY_VOID(check(entry_of(before->library)));
      return Loaded{before->library, file.identity, before->hold, {}};
    }
    if (mode == Mode::in_process) {
      return Loaded{before->library, file.identity, before->hold,
                    fmt::format("{}: has changed; as it runs in the host's process, this takes effect after a restart",
                                file.path.string())};
    }
  }
  auto described = describe_file(copy.file, file, mode);
  if (!described) return not_described(described.error(), entry, file, mode, before);
  auto& library = *described;
  library.sha256 = copy.sha256;
  library.mode = mode;
  if (mode == Mode::in_process) write_down_checks(library, shared_->options);
  DUNE_TRY_VOID(check(entry_of(library)));
  // What is mapped needs no file; so a tool that is interrupted leaves none behind.
  if (shared_->options.for_tools && shared_->options.private_dir.empty()) copy.hold.reset();
  return Loaded{std::move(library), file.identity, std::move(copy.hold), {}};
}

// What a stranger's library does in its own process is not to keep the host from starting, nor from reloading.
Result<Loaded> DirectoryLoader::not_described(const Error& why, const LockEntry* entry, const OpenFile& file, Mode mode,
                                              const Loaded* before) const {
  if (first_party_ || mode != Mode::isolated) return tl::unexpected<Error>(why);
  if (before != nullptr && before->library.mode == mode) {
    return Loaded{before->library, file.identity, before->hold,
                  fmt::format("{}: has changed, but the new file cannot be used and the old one stays in force: {}",
                              file.path.string(), why.text)};
  }
  Loaded out{{}, file.identity, nullptr, {}, why.text, {}};
  if (entry != nullptr) {
    for (const auto& [id, kind] : entry->components) out.absent.push_back(id);
  }
  return out;
}

Result<Library> DirectoryLoader::describe_file(const std::filesystem::path& file, const OpenFile& source,
                                               Mode mode) const {
  if (mode == Mode::isolated) return ask_library(file, source.path, first_party_, shared_->options.runner);
  if (!first_party_ && !shared_->options.for_tools) {
    shared_->log.warn("plugin.in_process", {{"file", source.path.string()},
                                            {"reason", "its lock file says so: when it crashes, the host does"}});
  }
  return map_library(file, source.path, first_party_);
}

Result<Library> ask_library(const std::filesystem::path& file, const std::filesystem::path& shown, bool first_party,
                            const RunnerOptions& runner) {
  auto library = describe_outside(file, runner);
  if (!library) return tl::unexpected<Error>(std::move(library).error().in(shown.string()));
  return std::move(named(*library, file, shown, first_party));
}

}  // namespace dunetrace::plugin::policy
