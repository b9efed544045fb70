#include "config/settings.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <limits>

#include "config/setting_reader.hpp"

namespace dunetrace::config {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kManyEvents = 100'000'000;
constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;
constexpr int kMany = 1'000'000;
constexpr int kManyDays = 36'500;

// An address or a host name; the server finds out whether it can be bound.
bool is_bindable(std::string_view text) {
  unsigned char address[sizeof(in6_addr)];
  const std::string copy(text.starts_with('[') && text.ends_with(']') ? text.substr(1, text.size() - 2) : text);
  if (inet_pton(AF_INET, copy.c_str(), address) == 1 || inet_pton(AF_INET6, copy.c_str(), address) == 1) return true;
  return copy.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-") ==
             std::string::npos &&
         copy.find_first_not_of("0123456789.") != std::string::npos;
}

// scheme://host[:port], as browsers send it in Origin; nothing after the port.
bool is_origin(std::string_view text) {
  const auto scheme = text.find("://");
  if (scheme == std::string_view::npos) return false;
  if (text.substr(0, scheme) != "http" && text.substr(0, scheme) != "https") return false;
  const auto rest = text.substr(scheme + 3);
  return !rest.empty() && rest.find_first_of("/?#@ ,") == std::string_view::npos;
}

bool is_http_url(std::string_view text) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (text.starts_with(scheme)) return text.size() > scheme.size() && text[scheme.size()] != '/';
  }
  return false;
}

bool is_database_url(std::string_view text) {
  if (text.starts_with("postgresql://") || text.starts_with("postgres://")) return true;
  // The key=value form of libpq; it checks the rest when connecting.
  const auto equals = text.find('=');
  return equals != std::string_view::npos && equals > 0 && text.find("://") == std::string_view::npos;
}

fs::path data_dir(SettingReader& read, const Environment& env, bool as_root) {
  std::string fallback;
  if (as_root) {
    fallback = "/var/lib/dunetrace";
  } else if (const auto xdg = env.get("XDG_DATA_HOME"); xdg && xdg->text.starts_with('/')) {
    fallback = xdg->text + "/dunetrace";
  } else if (const auto home = env.get("HOME"); home && home->text.starts_with('/')) {
    fallback = home->text + "/.local/share/dunetrace";
  }
  const fs::path chosen = read.text("DUNETRACE_DATA_DIR", fallback);
  if (chosen.empty()) {
    read.wrong("DUNETRACE_DATA_DIR", "a directory, because neither XDG_DATA_HOME nor HOME is an absolute path");
    return chosen;
  }
  return fs::absolute(chosen).lexically_normal();
}

bool is_loopback(std::string_view bind) {
  return bind == "localhost" || bind == "::1" || bind == "[::1]" || bind.starts_with("127.");
}

Settings::Host read_host(SettingReader& read, const Environment& env, bool as_root) {
  constexpr std::uint16_t kTop = std::numeric_limits<std::uint16_t>::max();
  static const std::vector<std::string> kLevels{"DEBUG", "INFO", "WARNING", "WARN", "ERROR"};
  Settings::Host host;
  host.database_url = read.secret("DATABASE_URL");
  host.data_dir = data_dir(read, env, as_root);
  host.bind = read.text("DUNETRACE_BIND", "127.0.0.1");
  if (!is_bindable(host.bind)) read.wrong("DUNETRACE_BIND", "an IPv4 or IPv6 address or a host name");
  host.ingest_port = read.whole<std::uint16_t>("DUNETRACE_INGEST_PORT", 8001, 0, kTop, "0 = any free port");
  host.api_port = read.whole<std::uint16_t>("DUNETRACE_API_PORT", 8002, 0, kTop, "0 = any free port");
  host.dashboard_port = read.whole<std::uint16_t>("DUNETRACE_DASHBOARD_PORT", 3000, 0, kTop, "0 = any free port");
  host.plugin_dir = read.text("DUNETRACE_PLUGIN_DIR", "");
  if (!host.plugin_dir.empty()) host.plugin_dir = fs::absolute(host.plugin_dir).lexically_normal();
  host.plugins_public_key = read.text("PLUGINS_PUBLIC_KEY", "");
  if (!host.plugins_public_key.empty() && !host.plugins_public_key.is_absolute()) {
    read.wrong("PLUGINS_PUBLIC_KEY", "the absolute path of a public key in PEM");
  }
  host.log_level = read.choice("LOG_LEVEL", "INFO", kLevels);
  if (host.log_level == "WARN") host.log_level = "WARNING";
  // Anything but the three words means "check every key": a typo must not open the door.
  const auto mode = read.text("AUTH_MODE", "dev");
  host.dev_mode = mode == "dev" || mode == "local" || mode == "test";
  // Open to everybody who can reach it: two words, so that nobody gets there by leaving something out.
  if (const bool everywhere = read.flag("AUTH_DEV_EVERYWHERE", false);
      host.dev_mode && !everywhere && !is_loopback(host.bind)) {
    read.wrong("DUNETRACE_BIND", "a loopback address while AUTH_MODE=" + mode +
                                     " lets everybody in (check keys with AUTH_MODE=prod, or say "
                                     "AUTH_DEV_EVERYWHERE=true)");
  }
  // Where keys are checked, code is: lifting that takes two words that nobody writes by accident.
  static const std::vector<std::string> kUnlocked{"false", "true", "even-in-production"};
  const auto unlocked = read.choice("PLUGINS_UNLOCKED", "false", kUnlocked);
  host.plugins_unlocked = unlocked != "false";
  if (unlocked == "true" && !host.dev_mode) {
    read.wrong("PLUGINS_UNLOCKED", "false where AUTH_MODE checks keys (or even-in-production, if you must)");
  }
  host.dashboard_url = read.text("DASHBOARD_URL", "http://localhost:3000");
  if (!is_http_url(host.dashboard_url)) read.wrong("DASHBOARD_URL", "a URL that begins with http:// or https://");
  while (host.dashboard_url.ends_with('/')) host.dashboard_url.pop_back();
  return host;
}

Settings::Ingest read_ingest(SettingReader& read) {
  Settings::Ingest ingest;
  ingest.max_batch_size = read.whole<std::size_t>("MAX_BATCH_SIZE", 500, 1, 100'000, "events");
  ingest.queue_events = read.whole<std::size_t>("INGEST_QUEUE_EVENTS", 100'000, 1, kManyEvents, "events");
  if (ingest.queue_events < ingest.max_batch_size) {
    read.wrong("INGEST_QUEUE_EVENTS", "room for one batch, at least MAX_BATCH_SIZE events");
  }
  static const std::vector<std::string> kDurability{"disk", "memory"};
  ingest.spool_on_disk = read.choice("SPOOL_DURABILITY", "disk", kDurability) == "disk";
  ingest.spool_max_bytes = read.whole<std::uint64_t>("SPOOL_MAX_BYTES", kGiB, 1024 * 1024, kGiB * 1024, "bytes");
  ingest.rate_limit_requests =
      read.whole<std::size_t>("RATE_LIMIT_REQUESTS", 0, 0, kManyEvents, "requests per minute, 0 = off");
  ingest.rehash_legacy_fields = read.flag("REHASH_LEGACY_FIELDS", true);
  ingest.event_retention_days = read.whole<int>("EVENT_RETENTION_DAYS", 30, 0, kManyDays, "days, 0 = for ever");
  return ingest;
}

Settings::Detect read_detect(SettingReader& read) {
  Settings::Detect detect;
  detect.poll_interval = read.seconds("POLL_INTERVAL", 5, 0.01, 3600);
  detect.stall_timeout = read.seconds("STALL_TIMEOUT_SECS", 90, 0.01, 30.0 * 86400);
  detect.batch_size = read.whole<int>("BATCH_SIZE", 100, 1, 10'000);
  detect.concurrency = read.whole<int>("DETECTOR_CONCURRENCY", 8, 1, 256, "threads");
  detect.detectors_file = read.text("DETECTOR_CONFIG", "");
  detect.shadow_failure_types = read.list("SHADOW_DETECTORS");
  detect.reload_poll = std::chrono::milliseconds(read.whole<int>("RELOAD_POLL_MS", 500, 50, 3'600'000, "ms"));
  return detect;
}

// POLL_INTERVAL and BATCH_SIZE are shared with detect, with other defaults; detect has checked them.
Settings::Alerts read_alerts(SettingReader& read) {
  Settings::Alerts alerts;
  alerts.poll_interval = read.seconds("POLL_INTERVAL", 10, 0.01, 3600);
  alerts.batch_size = read.whole<int>("BATCH_SIZE", 50, 1, 10'000);
  alerts.max_retries = read.whole<int>("MAX_RETRIES", 2, 0, 100);
  alerts.retry_backoff = read.seconds("RETRY_BACKOFF", 2.0, 0, 3600);
  static const std::vector<std::string> kSwitch{"true", "false"};  // `1` has never meant on here
  alerts.digest_enabled = read.choice("DIGEST_ENABLED", "true", kSwitch) == "true";
  alerts.digest_day = read.whole<int>("DIGEST_DAY", 0, 0, 6, "0 = Monday");
  alerts.digest_hour = read.whole<int>("DIGEST_HOUR", 9, 0, 23, "UTC");
  return alerts;
}

Settings::Api read_api(SettingReader& read) {
  Settings::Api api;
  api.page_size_max = read.whole<int>("PAGE_SIZE_MAX", 500, 1, kMany);
  api.page_size_default = read.whole<int>("PAGE_SIZE_DEFAULT", std::min(50, api.page_size_max), 1, kMany);
  if (api.page_size_default > api.page_size_max) read.wrong("PAGE_SIZE_DEFAULT", "at most PAGE_SIZE_MAX");
  api.cors_origins = read.list("CORS_ORIGINS");
  if (!std::ranges::all_of(api.cors_origins, is_origin)) {
    read.wrong("CORS_ORIGINS", "comma-separated origins like https://example.org:8443, without a path");
  }
  api.anthropic_api_key = read.secret("ANTHROPIC_API_KEY");
  api.openai_api_key = read.secret("OPENAI_API_KEY");
  api.explain_model_anthropic = read.text("EXPLAIN_MODEL_ANTHROPIC", "claude-haiku-4-5-20251001");
  api.explain_model_openai = read.text("EXPLAIN_MODEL_OPENAI", "gpt-4o-mini");
  return api;
}

}  // namespace

Result<Settings> Settings::from(const Environment& env, bool as_root) {
  SettingReader read(env);
  Settings settings;
  settings.host = read_host(read, env, as_root);
  settings.ingest = read_ingest(read);
  settings.detect = read_detect(read);
  settings.alerts = read_alerts(read);
  settings.api = read_api(read);
  if (!settings.host.database_url.empty() && !is_database_url(settings.host.database_url)) {
    read.wrong_secret("DATABASE_URL", "postgresql://user@host/database or key=value text");
  }
  if (!read.problems().empty()) return read.problems().as_error();
  settings.origins = read.take_origins();
  return settings;
}

std::filesystem::path detectors_file(const Settings& settings, const Paths& paths) {
  if (!settings.detect.detectors_file.empty()) return settings.detect.detectors_file;
  std::error_code ignored;
  if (fs::exists("detectors.yml", ignored)) return "detectors.yml";
  return paths.detectors_file;
}

}  // namespace dunetrace::config
