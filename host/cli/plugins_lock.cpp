#include "cli/plugins_lock.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <map>

#include "cli/setup.hpp"
#include "explain/text.hpp"
#include "plugin/policy/directory_loader.hpp"

namespace dunetrace::cli {
namespace {

namespace fs = std::filesystem;
namespace policy = plugin::policy;

constexpr int kDiffers = 1;
constexpr std::size_t kLineChars = 4'000;  // what libraries say of themselves is in it
constexpr int kRefused = 1;

bool same_directory(const fs::path& a, const fs::path& b) {
  std::error_code error;
  return fs::equivalent(a, b, error) && !error;
}

using Modes = std::map<std::string, plugin::Mode>;

Result<Modes> modes_of(const std::vector<std::string>& arguments, const std::vector<std::string>& files) {
  Modes out;
  for (const auto& argument : arguments) {
    const auto equals = argument.rfind('=');
    const auto mode = equals == std::string::npos ? std::nullopt : policy::mode_from(argument.substr(equals + 1));
    if (!mode) {
      return fail(Code::invalid_argument,
                  fmt::format("--mode: expected FILE=in_process or FILE=isolated, got '{}'", argument));
    }
    const auto file = fs::path(argument.substr(0, equals)).filename().string();
    if (std::ranges::find(files, file) == files.end()) {
      return fail(Code::not_found,
                  fmt::format("--mode: the directory holds no '{}'; it holds {}", file, fmt::join(files, ", ")));
    }
    out[file] = *mode;
  }
  return out;
}

// What is listed now. One that cannot be read is not overwritten: the modes in it were somebody's decision.
Result<policy::LockFile> present_lock(const plugin::Directory& directory) {
  DUNE_TRY(text, policy::read_lock(directory));
  if (!text) return policy::LockFile{};
  auto lock = policy::LockFile::parse(*text, (directory.path / policy::kLockName).string());
  if (lock) return lock;
  auto error = std::move(lock).error();
  error.text += "; mend it, or remove it to begin anew";
  return tl::unexpected<Error>(std::move(error));
}

// Reads every library of a directory from a copy; each outside of this process but for the host's own, which are
// mapped here to be used as well.
class Describer {
 public:
  static Result<Describer> open(const plugin::Directory& directory, telemetry::Logger& log) {
    DUNE_TRY(copies, policy::PrivateDirectory::temporary());
    return Describer(directory, std::move(copies), log);
  }

  Result<plugin::Library> describe(const std::string& name, plugin::Mode mode, bool own) const {
    DUNE_TRY(file, plugin::open_library(directory_, name));
    DUNE_TRY(copy, copies_->place(file, std::nullopt));
    const bool here = own && mode == plugin::Mode::in_process;
    DUNE_TRY(library, here ? policy::map_library(copy.file, file.path, own)
                           : policy::ask_library(copy.file, file.path, own, runner_));
    library.sha256 = copy.sha256;
    library.mode = mode;
    return library;
  }

 private:
  Describer(const plugin::Directory& directory, std::shared_ptr<const policy::PrivateDirectory> copies,
            telemetry::Logger& log)
      : directory_(directory), copies_(std::move(copies)) {
    runner_.log = &log;
  }

  const plugin::Directory& directory_;
  std::shared_ptr<const policy::PrivateDirectory> copies_;
  plugin::RunnerOptions runner_;
};

// The host's own plugins, which every directory is loaded besides; when those cannot be loaded that is not to be told
// here.
void add_own(const fs::path& own_plugins, std::vector<plugin::Library>& to, telemetry::Logger& log) {
  plugin::LoadOptions options;
  options.own = own_plugins;
  options.unlocked = options.for_tools = options.in_place = true;
  const auto loaded = plugin::Registry::load(options, log);
  if (loaded) to.insert(to.begin(), loaded->libraries().begin(), loaded->libraries().end());
}

// What can be loaded together as entries of a lock file.
Result<policy::LockFile> listed(std::vector<plugin::Library> libraries, const fs::path& besides,
                                telemetry::Logger& log) {
  policy::LockFile out;
  for (const auto& library : libraries) {
    out.entries.emplace(fs::path(library.path).filename().string(), policy::entry_of(library));
  }
  if (!besides.empty()) add_own(besides, libraries, log);
  const auto together = plugin::Registry::of(std::move(libraries));
  if (!together) return fail(together.error().code, together.error().text + "; nothing was written");
  return out;
}

Result<policy::LockFile> make_lock(const plugin::Directory& directory, const policy::LockFile& before,
                                   const PluginsLock& args, const fs::path& own_plugins, bool own) {
  DUNE_TRY(files, plugin::library_names(directory));
  if (files.empty() && before.entries.empty()) {
    return fail(Code::not_found, directory.path.string() + ": holds no plugin (*.so)");
  }
  DUNE_TRY(modes, modes_of(args.modes, files));
  telemetry::Logger log(telemetry::Level::warn);
  DUNE_TRY(describer, Describer::open(directory, log));
  std::vector<plugin::Library> libraries;
  std::string problems;
  for (const auto& name : files) {
    const auto known = before.entries.find(name);
    const auto asked = modes.find(name);
    auto mode = own ? plugin::Mode::in_process : plugin::Mode::isolated;
    if (known != before.entries.end()) mode = known->second.mode;
    if (asked != modes.end()) mode = asked->second;
    auto library = describer.describe(name, mode, own);
    if (library) {
      libraries.push_back(std::move(*library));
    } else {
      problems += (problems.empty() ? "plugin: " : "\nplugin: ") + library.error().text;
    }
  }
  if (!problems.empty()) {
    return fail(Code::invalid_argument, problems +
                                            "\nnothing was written; mend what is named, or take it out of the "
                                            "directory (a file whose name does not end in .so is none of it)");
  }
  return listed(std::move(libraries), own ? fs::path() : own_plugins, log);
}

Result<> write_lock(const plugin::Directory& directory, const std::string& text, const PluginsLock& args,
                    bool differs) {
  if (differs) DUNE_TRY_VOID(policy::write_whole(directory, policy::kLockName, text));
  if (!args.sign.empty()) {
    DUNE_TRY(signature, policy::sign(text, args.sign));
    DUNE_TRY_VOID(policy::write_whole(directory, policy::kSignatureName, signature));
    std::printf("signed %s\n", (directory.path / policy::kSignatureName).c_str());
    return {};
  }
  std::error_code ignored;
  if (differs && fs::exists(directory.path / policy::kSignatureName, ignored)) {
    std::fprintf(stderr, "dunetrace: %s does not fit any more; %s --sign KEY.pem\n",
                 (directory.path / policy::kSignatureName).c_str(), policy::lock_command(directory).c_str());
  }
  return {};
}

// What was refused so far, as it is printed.
class Findings {
 public:
  // `reason` begins with the file it is about.
  void refuse(std::string_view reason) {
    ++refused_;
    for (const std::string_view what : {"plugin: ", "plugin directory: "}) {
      if (reason.starts_with(what)) reason.remove_prefix(what.size());
    }
    fmt::print("refused  {}\n", explain::one_line(reason, kLineChars));
  }
  // What is not listed is no obstacle.
  void leave_out(std::string_view file, std::string_view reason) {
    ++left_out_;
    fmt::print("left out {}: {}\n", explain::one_line(file, kLineChars), reason);
  }
  void good(plugin::Library library) {
    const auto line =
        fmt::format("loads    {}: {} {}, {}", library.path, library.id, library.version, policy::to_text(library.mode));
    fmt::print("{}\n", explain::one_line(line, kLineChars));
    libraries_.push_back(std::move(library));
  }
  // Over all directories: ids and files that are there twice.
  int sum_up() {
    const auto loads = libraries_.size();
    if (const auto together = plugin::Registry::of(std::move(libraries_)); !together) refuse(together.error().text);
    if (refused_ == 0) {
      fmt::print("{} to load, 0 refused, {} left out\n", loads, left_out_);
      return 0;
    }
    fmt::print("nothing is loaded: {} refused ({} good, {} left out)\n", refused_, loads, left_out_);
    return kRefused;
  }
  [[nodiscard]] bool nothing_yet() const { return libraries_.empty() && refused_ == 0; }

 private:
  std::vector<plugin::Library> libraries_;
  std::size_t refused_ = 0;
  std::size_t left_out_ = 0;
};

void verify(const fs::path& path, bool own, const policy::Shared& shared, Findings& findings) {
  const auto directory = policy::DirectoryLoader::open(path, own, shared);
  if (!directory) return findings.refuse(directory.error().text);
  for (const auto& name : directory->missing()) findings.refuse(directory->missing_text(name));
  for (const auto& name : directory->files()) {
    const auto file = (directory->directory().path / name).string();
    if (const auto reason = directory->unlisted(name); !reason.empty()) {
      findings.leave_out(file, reason);
      continue;
    }
    auto loaded = directory->load(name, nullptr);
    if (!loaded) {
      findings.refuse(loaded.error().text);
    } else if (!loaded->failure.empty()) {
      findings.refuse(loaded->failure);
    } else {
      findings.good(std::move(loaded->library));
    }
  }
  if (own && findings.nothing_yet()) {
    findings.refuse(path.string() + ": none of the host's own plugins is listed in plugins.lock");
  }
}

}  // namespace

Result<int> plugins_lock(const PluginsLock& args) {
  bool own = args.own;
  fs::path host_plugins;
  if (!own) {
    DUNE_TRY(setup, load_setup());
    host_plugins = own_plugins(setup);
    own = same_directory(args.directory, host_plugins);
  }
  auto directory = plugin::open_directory(fs::absolute(args.directory));
  if (!directory) return tl::unexpected<Error>(std::move(directory).error().in("plugin directory"));
  DUNE_TRY(before, present_lock(*directory));
  DUNE_TRY(after, make_lock(*directory, before, args, host_plugins, own));
  const auto path = (directory->path / policy::kLockName).string();
  const auto text = after.text();
  if (const auto again = policy::LockFile::parse(text, path); !again || again->entries != after.entries) {
    return fail(Code::invalid_argument, path + ": an id or version holds characters that cannot be listed");
  }
  DUNE_TRY(present, policy::read_lock(*directory));
  const auto changes = policy::differences(before, after);
  for (const auto& line : changes) std::printf("%s\n", explain::one_line(line, kLineChars).c_str());
  const bool differs = !present || !changes.empty();
  if (!args.check) DUNE_TRY_VOID(write_lock(*directory, text, args, differs));
  const auto* const verdict = !differs ? "is up to date" : args.check ? "would change" : "is written";
  fmt::print("{} {}: {} {}, {} {}\n", path, verdict, after.entries.size(),
             after.entries.size() == 1 ? "library" : "libraries", changes.size(),
             changes.size() == 1 ? "change" : "changes");
  return args.check && differs ? kDiffers : 0;
}

Result<int> plugins_verify(const std::vector<std::string>& directories) {
  DUNE_TRY(setup, load_setup());
  telemetry::Logger log(telemetry::Level::error);
  const auto own = own_plugins(setup);
  std::vector<fs::path> paths;
  for (const auto& directory : directories) paths.push_back(fs::absolute(directory));
  if (paths.empty()) {
    DUNE_TRY(parsed, config::DetectorsFile::load(config::detectors_file(setup.settings, setup.paths)));
    paths = parsed.plugin_directories();
    paths.insert(paths.begin(), own);
  }
  const auto options = load_options(setup, Purpose::look, {}, log);
  DUNE_TRY(shared, policy::Shared::open(options, log));
  if (options.unlocked) std::printf("PLUGINS_UNLOCKED: lock files are not looked at\n");
  Findings findings;
  for (const auto& path : paths) verify(path, same_directory(path, own), shared, findings);
  return findings.sum_up();
}

}  // namespace dunetrace::cli
