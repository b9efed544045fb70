// Every setting of the host, typed, from an Environment. Read once at start, immutable afterwards. The variables of
// plugins (alert destinations, integrations) are not here: a plugin's own table names them.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "config/environment.hpp"
#include "config/paths.hpp"
#include "core/result.hpp"
#include "core/signal.hpp"

namespace dunetrace::config {

// One line of "what is in force and where does it come from". A secret's value reads "***".
struct SettingOrigin {
  std::string name;
  std::string value;
  Origin origin = Origin::built_in;
};

struct Settings {
  using Seconds = std::chrono::duration<double>;

  struct Host {
    std::string database_url;  // empty = a server of our own (`up` only); a secret
    std::filesystem::path data_dir;
    std::string bind;
    std::uint16_t ingest_port = 0, api_port = 0, dashboard_port = 0;  // 0 = any free port
    std::filesystem::path plugin_dir;                                 // empty = the one beside the program
    std::filesystem::path plugins_public_key;                         // PEM; empty = lock files need no signature
    bool plugins_unlocked = false;                                    // for development: no lock file is asked for
    std::string log_level;                                            // DEBUG, INFO, WARNING, ERROR
    bool dev_mode = true;                                             // AUTH_MODE dev, local or test
    std::string dashboard_url;                                        // where people open it, without a final '/'
  } host;

  struct Ingest {
    std::size_t max_batch_size = 0;     // events
    std::size_t queue_events = 0;       // accepted and held in memory: not yet on disk, or without disk not yet written
    bool spool_on_disk = true;          // SPOOL_DURABILITY
    std::uint64_t spool_max_bytes = 0;  // accepted, not yet in the database
    std::size_t rate_limit_requests = 0;  // per rolling minute and bucket; 0 = off
    bool rehash_legacy_fields = true;
    int event_retention_days = 0;  // 0 = events are kept for ever
  } ingest;

  struct Detect {
    Seconds poll_interval{};  // the safety net behind NOTIFY
    Seconds stall_timeout{};
    int batch_size = 0;                    // runs claimed at once
    int concurrency = 0;                   // runs judged at once
    std::filesystem::path detectors_file;  // empty = ./detectors.yml, else the installed one
    std::vector<std::string> shadow_failure_types;
    std::chrono::milliseconds reload_poll{500};  // between two looks at detectors.yml and the plugins
  } detect;

  struct Alerts {
    Seconds poll_interval{};
    int batch_size = 0;
    int max_retries = 0;      // after the first attempt
    Seconds retry_backoff{};  // before the second attempt; doubled after
    bool digest_enabled = true;
    int digest_day = 0;   // 0 = Monday
    int digest_hour = 0;  // UTC
  } alerts;

  struct Api {
    int page_size_default = 0, page_size_max = 0;
    std::vector<std::string> cors_origins;          // outside of dev mode
    std::string anthropic_api_key, openai_api_key;  // secrets; empty = not configured
    std::string explain_model_anthropic, explain_model_openai;
  } api;

  std::vector<SettingOrigin> origins;  // every variable above, in this order

  // All wrong values at once, one line each: name, value (never a secret's), what was expected, where it stands.
  // `as_root` decides the default data directory.
  [[nodiscard]] static Result<Settings> from(const Environment& env, bool as_root);
};

// The detectors.yml to read: the configured one, else ./detectors.yml, else the installed one.
[[nodiscard]] std::filesystem::path detectors_file(const Settings& settings, const Paths& paths);

}  // namespace dunetrace::config
