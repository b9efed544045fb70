#include "cli/setup.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <mutex>

#include "config/environment.hpp"
#include "core/fd.hpp"
#include "plugin/path_policy.hpp"
#include "store/managed_postgres.hpp"
#include "store/migrations.hpp"

namespace dunetrace::cli {
namespace {

constexpr mode_t kLogMode = 0640;  // names of agents and addresses of clients are in it

// Every line of the log says so.
void mark_unlocked(const Setup& setup, telemetry::Logger& log) {
  if (setup.settings.host.plugins_unlocked) log.always("unlocked_plugins", true);
}

// A name nobody knows may be that of a plugin which is there and was not loaded, or of a parameter its new code has.
tl::unexpected<Error> with_files_left_out(Error error, const plugin::Registry& registry) {
  if (error.text.find("unknown ") != std::string::npos) {
    for (const auto& notice : registry.notices()) error.text += "; " + notice;
  }
  if (error.text.find("unknown detector") != std::string::npos) {
    std::string causes;  // in front, because they are what there is to mend
    for (const auto& refusal : registry.refusals()) {
      causes += refusal.file.string() + " was not loaded: " + refusal.reason + "\n";
    }
    error.text.insert(0, causes);
  }
  return tl::unexpected<Error>(std::move(error));
}

}  // namespace

Result<Setup> load_setup() {
  DUNE_TRY(environment, config::Environment::load(".env"));
  DUNE_TRY(settings, config::Settings::from(environment, ::geteuid() == 0));
  DUNE_TRY(paths, config::find_paths());
  return Setup{std::move(settings), std::move(paths)};
}

std::filesystem::path recorder_directory(const Setup& setup) { return setup.settings.host.data_dir / "recorder"; }

void open_record(Setup& setup, telemetry::Logger& log) {
  const auto directory = recorder_directory(setup);
  {
    auto left = plugin::CallRecord::leftovers(directory);  // the files are for whoever stores the strikes
    setup.silent_checks = std::move(left.in_validate);
    std::set<std::string> told;
    for (const auto& strike : left.strikes) {
      if (!told.insert(strike.component).second) continue;
      log.error("plugin.ended_host", {{"component", strike.component},
                                      {"library", strike.library},
                                      {"run", strike.run_id},
                                      {"reason", strike.text}});
    }
  }
  auto opened = plugin::CallRecord::open(directory, log);
  if (opened)
    setup.record = std::move(*opened);
  else
    log.warn("plugins.no_recorder", {{"reason", opened.error().text}});
}

std::filesystem::path own_plugins(const Setup& setup) {
  return setup.settings.host.plugin_dir.empty() ? setup.paths.plugins : setup.settings.host.plugin_dir;
}

plugin::LoadOptions load_options(const Setup& setup, Purpose purpose, std::vector<std::filesystem::path> others,
                                 telemetry::Logger& log) {
  plugin::LoadOptions options;
  options.own = own_plugins(setup);
  options.others = std::move(others);
  if (purpose == Purpose::service) options.private_dir = setup.settings.host.data_dir / "plugins";
  options.public_key = setup.settings.host.plugins_public_key;
  options.unlocked = setup.settings.host.plugins_unlocked;
  options.for_tools = purpose == Purpose::tool;
  options.runner.log = &log;
  options.record = setup.record.get();
  options.silent_checks = setup.silent_checks;
  return options;
}

Result<Detectors> load_detectors(const Setup& setup, telemetry::Logger& log, const std::filesystem::path& file,
                                 Purpose purpose, const plugin::Registry* previous) {
  mark_unlocked(setup, log);
  const auto path = file.empty() ? config::detectors_file(setup.settings, setup.paths) : file;
  DUNE_TRY(parsed, config::DetectorsFile::load(path));
  auto options = load_options(setup, purpose, parsed.plugin_directories(), log);
  options.places = parsed.plugin_directory_places();
  options.previous = previous;
  if (options.unlocked && previous == nullptr) {
    log.warn("plugins.unlocked", {{"reason",
                                   "PLUGINS_UNLOCKED: every library in the plugin directories is loaded, "
                                   "whatever its lock file says; this is for development"}});
  }
  DUNE_TRY(registry, plugin::Registry::load(options, log));
  const auto resolve = [&] {
    const auto absent = registry.not_loaded();
    return parsed.resolve(registry.schemas(), setup.settings.detect.shadow_failure_types, absent);
  };
  auto config = resolve();
  if (!config && registry.leave_out_unanswered(previous, log)) config = resolve();
  if (!config) return with_files_left_out(std::move(config).error(), registry);
  for (const auto& warning : config->warnings()) log.warn("detectors.warning", {{"text", warning}});
  return Detectors{std::move(registry), std::move(*config), path};
}

Result<plugin::Library> load_plugin(const std::filesystem::path& file, bool first_party) {
  std::error_code failed;
  const auto path = std::filesystem::canonical(file, failed);
  if (failed) return fail(Code::not_found, "plugin " + file.string() + ": " + failed.message());
  auto directory = plugin::check_directory(path.parent_path());
  if (!directory) return tl::unexpected<Error>(std::move(directory).error().in("plugin directory"));
  auto library = plugin::load_library(*directory / path.filename(), first_party);
  if (!library) return tl::unexpected<Error>(std::move(library).error().in("plugin"));
  return library;
}

Result<std::string> database_url(const Setup& setup, const std::string& what) {
  if (!setup.settings.host.database_url.empty()) return setup.settings.host.database_url;
  return fail(Code::invalid_argument,
              what +
                  " needs DATABASE_URL, for example postgresql://dunetrace:…@localhost:5432/dunetrace "
                  "(only `dunetrace up` brings a database of its own)");
}

Result<std::string> database_url_or_own(const Setup& setup, const std::string& what) {
  const auto& host = setup.settings.host;
  if (!host.database_url.empty()) return host.database_url;
  auto running = store::running_managed_url(host.data_dir);
  if (running) return running;
  return fail(Code::invalid_argument,
              what +
                  " needs a database: either DATABASE_URL, for example postgresql://dunetrace:…@localhost:5432/"
                  "dunetrace, or a running `dunetrace up` with a server of its own (" +
                  running.error().text + "; DUNETRACE_DATA_DIR says where to look)");
}

Result<std::unique_ptr<telemetry::Logger>> make_logger(const Setup& setup, const std::string& path) {
  DUNE_TRY(level, telemetry::level_from(setup.settings.host.log_level));
  if (!path.empty()) {
    // Before the logger makes it readable for everybody.
    const Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, kLogMode));
    if (!file || ::fchmod(file.get(), kLogMode) != 0)
      return fail(Code::denied, path + " cannot be written: " + std::strerror(errno));
  }
  auto log = std::make_unique<telemetry::Logger>(level, path);
  mark_unlocked(setup, *log);
  return log;
}

Result<std::vector<std::string>> migrate_when_reachable(store::Database& db, const std::filesystem::path& migrations,
                                                        std::chrono::seconds patience, telemetry::Logger& log,
                                                        const std::stop_token& stop) {
  const std::stop_callback interrupt(stop, [&db] { db.interrupt(); });
  std::mutex mutex;
  std::condition_variable_any never;
  const auto until = std::chrono::steady_clock::now() + patience;
  for (bool told = false;; told = true) {
    auto applied = store::migrate(db, migrations);
    if (!applied && stop.stop_requested()) return fail(Code::unavailable, "stopped while starting");
    if (applied || applied.error().code != Code::unavailable || std::chrono::steady_clock::now() >= until) {
      if (!applied) return tl::unexpected<Error>(std::move(applied).error().in("database"));
      return applied;
    }
    if (!told) log.warn("database.waiting", {{"reason", applied.error().text}});
    std::unique_lock lock(mutex);  // a server that is starting up: nothing to wait on but the time
    never.wait_for(lock, stop, std::chrono::milliseconds(500), [] { return false; });
  }
}

}  // namespace dunetrace::cli
