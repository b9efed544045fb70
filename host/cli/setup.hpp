// What most subcommands need first: settings, paths, detectors with their plugins, a migrated database.
#pragma once

#include <filesystem>
#include <memory>
#include <set>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "config/detectors_file.hpp"
#include "config/paths.hpp"
#include "config/settings.hpp"
#include "core/result.hpp"
#include "plugin/generation.hpp"
#include "plugin/isolation/call_record.hpp"
#include "store/database.hpp"
#include "telemetry/log.hpp"
#include "telemetry/metrics.hpp"

namespace dunetrace::cli {

struct Setup {
  config::Settings settings;
  config::Paths paths;
  // Of a host: where its calls into plugins of its own process are written down, and whose validate() ended one before.
  std::shared_ptr<plugin::CallRecord> record{};
  std::set<std::pair<std::string, std::string>> silent_checks{};
};

// Environment and .env, and where the program's own files lie.
[[nodiscard]] Result<Setup> load_setup();

// Where hosts of this data directory leave what they were calling in plugins.
[[nodiscard]] std::filesystem::path recorder_directory(const Setup& setup);
// For a host, before it loads plugins: begins to write down its calls into them, and says which of them ended the last
// one. Without a place to write there is a warning.
void open_record(Setup& setup, telemetry::Logger& log);

using Detectors = plugin::Generation;

// Who plugins are loaded for.
enum class Purpose : std::uint8_t {
  tool,     // looks or replays and ends: everything in this process, copies that go with it
  look,     // the same copies, but each library where the host would run it
  service,  // a running host: copies in its data directory
};

// The directory of the plugins that came with the host.
[[nodiscard]] std::filesystem::path own_plugins(const Setup& setup);

// What the settings say about loading plugins; `others` are the directories of detectors.yml. `log` outlives its use.
[[nodiscard]] plugin::LoadOptions load_options(const Setup& setup, Purpose purpose,
                                               std::vector<std::filesystem::path> others, telemetry::Logger& log);

// detectors.yml (the one of the settings unless `file` is given) and every plugin it may use. What has not changed is
// taken over from `previous`, which is only read meanwhile.
[[nodiscard]] Result<Detectors> load_detectors(const Setup& setup, telemetry::Logger& log,
                                               const std::filesystem::path& file = {}, Purpose purpose = Purpose::tool,
                                               const plugin::Registry* previous = nullptr);

// One plugin by its path, under the rules for directories and files of plugins.
[[nodiscard]] Result<plugin::Library> load_plugin(const std::filesystem::path& file, bool first_party);

// DATABASE_URL, or a clear error that `what` needs it.
[[nodiscard]] Result<std::string> database_url(const Setup& setup, const std::string& what);

// For commands beside a running host: DATABASE_URL, else the server of the `dunetrace up` that runs in the data
// directory. The error names both ways.
[[nodiscard]] Result<std::string> database_url_or_own(const Setup& setup, const std::string& what);

// A logger at the level of the settings; to stderr, or to `path`, which others than its group cannot read.
[[nodiscard]] Result<std::unique_ptr<telemetry::Logger>> make_logger(const Setup& setup, const std::string& path = {});

// Brings the schema up to date; waits up to `patience` for a server that does not answer yet. When `stop` is asked for
// meanwhile, `db` is interrupted and the error is Code::unavailable.
[[nodiscard]] Result<std::vector<std::string>> migrate_when_reachable(store::Database& db,
                                                                      const std::filesystem::path& migrations,
                                                                      std::chrono::seconds patience,
                                                                      telemetry::Logger& log,
                                                                      const std::stop_token& stop = {});

}  // namespace dunetrace::cli
