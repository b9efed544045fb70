#include "config/settings.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace dunetrace::config {
namespace {

Result<Settings> read(Environment::Variables variables, std::string_view dotenv = {}) {
  variables.try_emplace("HOME", "/home/ann");
  return Environment::from(variables, dotenv, ".env").and_then([](const Environment& env) {
    return Settings::from(env, false);
  });
}

std::string error_of(Environment::Variables variables, std::string_view dotenv = {}) {
  const auto settings = read(std::move(variables), dotenv);
  return settings ? "no error" : settings.error().text;
}

TEST(Settings, HasTheDefaultsOfTheSpecification) {
  const auto s = read({}).value();
  EXPECT_EQ(s.host.database_url, "");
  EXPECT_EQ(s.host.bind, "127.0.0.1");
  EXPECT_EQ(s.host.ingest_port, 8001);
  EXPECT_EQ(s.host.api_port, 8002);
  EXPECT_EQ(s.host.dashboard_port, 3000);
  EXPECT_EQ(s.host.log_level, "INFO");
  EXPECT_TRUE(s.host.dev_mode);
  EXPECT_EQ(s.host.dashboard_url, "http://localhost:3000");
  EXPECT_EQ(s.ingest.max_batch_size, 500u);
  EXPECT_EQ(s.ingest.queue_events, 100'000u);
  EXPECT_TRUE(s.ingest.spool_on_disk);
  EXPECT_EQ(s.ingest.spool_max_bytes, 1024u * 1024 * 1024);
  EXPECT_EQ(s.ingest.rate_limit_requests, 0u);
  EXPECT_TRUE(s.ingest.rehash_legacy_fields);
  EXPECT_EQ(s.detect.poll_interval.count(), 5);
  EXPECT_EQ(s.detect.stall_timeout.count(), 90);
  EXPECT_EQ(s.detect.batch_size, 100);
  EXPECT_EQ(s.detect.concurrency, 8);
  EXPECT_TRUE(s.detect.shadow_failure_types.empty());
  EXPECT_EQ(s.alerts.poll_interval.count(), 10);
  EXPECT_EQ(s.alerts.batch_size, 50);
  EXPECT_EQ(s.alerts.max_retries, 2);
  EXPECT_EQ(s.alerts.retry_backoff.count(), 2);
  EXPECT_TRUE(s.alerts.digest_enabled);
  EXPECT_EQ(s.alerts.digest_hour, 9);
  EXPECT_EQ(s.api.page_size_default, 50);
  EXPECT_EQ(s.api.page_size_max, 500);
  EXPECT_TRUE(s.api.cors_origins.empty());
}

TEST(Settings, PutsDataWhereTheUserMayWrite) {
  const auto dir = [](Environment::Variables v, bool root) {
    return Settings::from(Environment::from(v, {}, ".env").value(), root).value().host.data_dir.string();
  };
  EXPECT_EQ(dir({{"HOME", "/root"}}, true), "/var/lib/dunetrace");
  EXPECT_EQ(dir({{"HOME", "/home/ann"}}, false), "/home/ann/.local/share/dunetrace");
  EXPECT_EQ(dir({{"HOME", "/home/ann"}, {"XDG_DATA_HOME", "/data"}}, false), "/data/dunetrace");
  EXPECT_EQ(dir({{"DUNETRACE_DATA_DIR", "/srv/./dune"}}, false), "/srv/dune");
}

TEST(Settings, SaysWhatToSetWhenThereIsNoHome) {
  const auto settings = Settings::from(Environment::from({}, {}, ".env").value(), false);
  ASSERT_FALSE(settings);
  EXPECT_EQ(settings.error().text,
            "DUNETRACE_DATA_DIR: expected a directory, because neither XDG_DATA_HOME nor HOME is an absolute path, got "
            "nothing");
}

TEST(Settings, OnlyTheThreeDevWordsOpenTheDoor) {
  for (const auto* word : {"dev", "local", "test"}) EXPECT_TRUE(read({{"AUTH_MODE", word}})->host.dev_mode) << word;
  for (const auto* word : {"prod", "DEV", "production", "devv"}) {
    EXPECT_FALSE(read({{"AUTH_MODE", word}})->host.dev_mode) << word;
  }
}

TEST(Settings, AnOpenDoorLeadsToThisMachineOnlyUnlessToldTwice) {
  for (const auto* bind : {"127.0.0.1", "127.8.8.8", "localhost", "::1"})
    EXPECT_TRUE(read({{"DUNETRACE_BIND", bind}})) << bind;
  for (const auto* bind : {"0.0.0.0", "192.168.1.7", "::", "host.example"}) {
    EXPECT_NE(error_of({{"DUNETRACE_BIND", bind}}).find("a loopback address while AUTH_MODE=dev lets everybody in"),
              std::string::npos)
        << bind;
    EXPECT_TRUE(read({{"DUNETRACE_BIND", bind}, {"AUTH_MODE", "prod"}})) << bind;
    EXPECT_TRUE(read({{"DUNETRACE_BIND", bind}, {"AUTH_DEV_EVERYWHERE", "true"}})) << bind;
  }
}

TEST(Settings, SharedVariablesKeepEachRolesDefault) {
  const auto s = read({{"POLL_INTERVAL", "0.5"}}).value();
  EXPECT_EQ(s.detect.poll_interval.count(), 0.5);
  EXPECT_EQ(s.alerts.poll_interval.count(), 0.5);
  EXPECT_EQ(s.detect.batch_size, 100);
  EXPECT_EQ(s.alerts.batch_size, 50);
}

TEST(Settings, SplitsLists) {
  const auto s = read({{"SHADOW_DETECTORS", " A, ,B "}, {"CORS_ORIGINS", "https://a.example,http://b:81"}}).value();
  EXPECT_EQ(s.detect.shadow_failure_types, (std::vector<std::string>{"A", "B"}));
  EXPECT_EQ(s.api.cors_origins, (std::vector<std::string>{"https://a.example", "http://b:81"}));
}

TEST(Settings, LiftsThePluginLocksInProductionOnlyWhenToldTwice) {
  EXPECT_FALSE(read({})->host.plugins_unlocked);
  EXPECT_TRUE(read({{"PLUGINS_UNLOCKED", "true"}})->host.plugins_unlocked);
  EXPECT_TRUE(read({{"PLUGINS_UNLOCKED", "even-in-production"}, {"AUTH_MODE", "prod"}})->host.plugins_unlocked);
  EXPECT_EQ(error_of({{"PLUGINS_UNLOCKED", "true"}, {"AUTH_MODE", "prod"}}),
            "PLUGINS_UNLOCKED: expected false where AUTH_MODE checks keys (or even-in-production, if you must), got "
            "'true'");
  EXPECT_EQ(error_of({{"PLUGINS_PUBLIC_KEY", "pub.pem"}}),
            "PLUGINS_PUBLIC_KEY: expected the absolute path of a public key in PEM, got 'pub.pem'");
}

TEST(Settings, NamesTheVariableTheValueAndWhatWasExpected) {
  EXPECT_EQ(error_of({{"DUNETRACE_API_PORT", "80a"}}),
            "DUNETRACE_API_PORT: expected a whole number from 0 to 65535 (0 = any free port), got '80a'");
  EXPECT_EQ(error_of({{"DUNETRACE_API_PORT", "65536"}}),
            "DUNETRACE_API_PORT: expected a whole number from 0 to 65535 (0 = any free port), got '65536'");
  EXPECT_EQ(error_of({{"MAX_BATCH_SIZE", "0"}}),
            "MAX_BATCH_SIZE: expected a whole number from 1 to 100000 (events), got '0'");
  EXPECT_EQ(error_of({{"LOG_LEVEL", "LOUD"}}),
            "LOG_LEVEL: expected one of DEBUG, INFO, WARNING, WARN, ERROR, got 'LOUD'");
  EXPECT_EQ(error_of({{"REHASH_LEGACY_FIELDS", "maybe"}}), "REHASH_LEGACY_FIELDS: expected true or false, got 'maybe'");
  EXPECT_EQ(error_of({{"DUNETRACE_BIND", "256.1"}}),
            "DUNETRACE_BIND: expected an IPv4 or IPv6 address or a host name, got '256.1'");
  EXPECT_EQ(error_of({{"CORS_ORIGINS", "https://a.example/"}}),
            "CORS_ORIGINS: expected comma-separated origins like https://example.org:8443, without a path, got "
            "'https://a.example/'");
  EXPECT_EQ(error_of({{"INGEST_QUEUE_EVENTS", "10"}}),
            "INGEST_QUEUE_EVENTS: expected room for one batch, at least MAX_BATCH_SIZE events, got '10'");
}

TEST(Settings, ReportsASharedVariableOnceAndWithItsPlace) {
  EXPECT_EQ(error_of({}, "LOG_LEVEL=INFO\nPOLL_INTERVAL=nan"),
            ".env:2: POLL_INTERVAL: expected a number of seconds from 0.01 to 3600, got 'nan'");
}

TEST(Settings, ReportsEveryWrongVariableAtOnce) {
  const auto text = error_of({{"BATCH_SIZE", "x"}, {"DIGEST_DAY", "7"}});
  EXPECT_EQ(std::ranges::count(text, '\n'), 1) << text;
}

TEST(Settings, NeverShowsASecret) {
  EXPECT_EQ(error_of({{"DATABASE_URL", "hunter2"}}),
            "DATABASE_URL: expected postgresql://user@host/database or key=value text, got something else");
  const auto s = read({{"DATABASE_URL", "postgresql://u:hunter2@db/x"}, {"OPENAI_API_KEY", "sk-1"}}).value();
  for (const auto& row : s.origins) {
    EXPECT_EQ(row.value.find("hunter2"), std::string::npos);
    EXPECT_EQ(row.value.find("sk-1"), std::string::npos);
  }
}

TEST(Settings, TellsWhereEachValueComesFrom) {
  const auto s = read({{"BATCH_SIZE", "7"}}, "LOG_LEVEL=debug").value();
  const auto row = [&](std::string_view name) { return *std::ranges::find(s.origins, name, &SettingOrigin::name); };
  EXPECT_EQ(row("BATCH_SIZE").origin, Origin::environment);
  EXPECT_EQ(row("LOG_LEVEL").origin, Origin::dotenv);
  EXPECT_EQ(row("MAX_BATCH_SIZE").origin, Origin::built_in);
  EXPECT_EQ(row("MAX_BATCH_SIZE").value, "500");
  EXPECT_EQ(s.host.log_level, "DEBUG");
  EXPECT_EQ(std::ranges::count(s.origins, "POLL_INTERVAL", &SettingOrigin::name), 1);
}

}  // namespace
}  // namespace dunetrace::config
