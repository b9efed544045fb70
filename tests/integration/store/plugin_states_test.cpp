// Components, strikes and quarantines in a real database.
#include "store/plugin_states.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "core/ids.hpp"
#include "store/notifications.hpp"
#include "store/read_plugins.hpp"
#include "testing/postgres.hpp"
#include "testing/wait.hpp"

namespace dunetrace::store {
namespace {

using dunetrace::testing::TestDatabase;
using dunetrace::testing::wait_until;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class PluginStates : public ::testing::Test {
 protected:
  static PluginComponent component(const std::string& id, const std::string& sha = "aa") {
    return {.component = id,
            .sha256 = sha,
            .library = "com.example." + id,
            .version = "1.2.3",
            .kind = "detector",
            .title = "Title, with a comma",
            .signal_types = {"A_TYPE", "B_TYPE"},
            .mode = "isolated",
            .sandbox = "seccomp, limits",
            .file = "/plugins/" + id + ".so",
            .abi = "1.0",
            .first_party = false,
            .state = "live"};
  }
  void report(const std::string& host, std::vector<PluginComponent> components, bool changed = true) {
    PluginReport what;
    what.host = host;
    what.components = std::move(components);
    const auto done = report_plugins(db, what, changed);
    ASSERT_TRUE(done) << done.error().text;
  }
  PluginStrike strike(const std::string& run, double at, const std::string& id = "bad") {
    return {new_uuid(), id, "aa", "com.example.bad", "1.2.3", at, "crash", run.empty() ? "" : "acme", run, "boom", "h"};
  }
  void record(const PluginStrike& one) {
    const auto done = record_strike(db, one);
    ASSERT_TRUE(done) << done.error().text;
  }
  bool open(double since, const std::string& id = "bad", const std::string& sha = "aa") {
    const auto opened = open_quarantine(db, {id, sha, "com.example.bad", "1.2.3", since, "3 strikes"}, "h");
    EXPECT_TRUE(opened) << opened.error().text;
    return opened.value();
  }
  [[nodiscard]] double now() const { return std::stod(database.scalar("SELECT extract(epoch FROM now())::float8")); }
  std::vector<std::string> shown() {
    std::vector<std::string> out;
    const auto all = plugin_overview(db, {}).value();
    for (const auto& row : all.components) {
      out.push_back(row.component.component + " " + row.component.sha256 + (row.absent_since ? " absent" : ""));
    }
    return out;
  }

  TestDatabase database;
  Database& db = database.db();
};

TEST_F(PluginStates, ShowsAComponentAsItWasReported) {
  report("h1", {component("tool_loop")});
  const auto all = plugin_overview(db, {}).value();
  ASSERT_EQ(all.components.size(), 1U);
  const auto& row = all.components[0];
  EXPECT_EQ(row.component.library, "com.example.tool_loop");
  EXPECT_EQ(row.component.title, "Title, with a comma");
  EXPECT_THAT(row.component.signal_types, ElementsAre("A_TYPE", "B_TYPE"));
  EXPECT_EQ(row.component.mode, "isolated");
  EXPECT_EQ(row.component.sandbox, "seccomp, limits");
  EXPECT_EQ(row.component.state, "live");
  EXPECT_EQ(row.reported_by, "h1");
  EXPECT_NEAR(row.reported_at, now(), 60);
  EXPECT_FALSE(row.absent_since);
  EXPECT_FALSE(row.last_strike);
  EXPECT_FALSE(row.quarantine);
  EXPECT_EQ(row.strikes_10m, 0);
  ASSERT_EQ(all.hosts.size(), 1U);
  EXPECT_EQ(all.hosts[0].host, "h1");
}

TEST_F(PluginStates, MarksWhatAHostHasNoMoreAsAbsentAndKeepsIt) {
  report("h1", {component("gone"), component("stays")});
  report("h1", {component("stays")});
  EXPECT_THAT(shown(), ElementsAre("gone aa absent", "stays aa"));
  report("h1", {component("gone"), component("stays")});
  EXPECT_THAT(shown(), ElementsAre("gone aa", "stays aa")) << "it came back";
}

TEST_F(PluginStates, ShowsTheFileThatIsThereAndNotTheOneItReplaced) {
  report("h1", {component("swapped", "aa")});
  report("h1", {component("swapped", "bb")});
  EXPECT_THAT(shown(), ElementsAre("swapped bb"));
  EXPECT_EQ(database.scalar("SELECT count(*) FROM plugin_components"), "2");
}

TEST_F(PluginStates, LeavesWhatAnotherHostHas) {
  report("h1", {component("one")});
  report("h2", {component("two")});
  EXPECT_THAT(shown(), ElementsAre("one aa", "two aa"));
  report("h2", {component("two")}, false);
  EXPECT_THAT(shown(), ElementsAre("one aa", "two aa"));
  database.exec("UPDATE plugin_components SET reported_at = now() - interval '11 minutes' WHERE component = 'one'");
  report("h2", {component("two")}, false);
  EXPECT_THAT(shown(), ElementsAre("one aa absent", "two aa")) << "nobody has said so for ten minutes";
}

TEST_F(PluginStates, ShowsAHostWhoseReloadFailedFirst) {
  PluginReport good;
  good.host = "good";
  good.reload_at = now();
  PluginReport bad = good;
  bad.host = "bad";
  bad.reload_at = now() - 60;
  bad.reload_ok = false;
  bad.reload_error = "detectors.yml:3: unknown detector 'x'";
  bad.refusals = R"([{"file":"/p/x.so","reason":"not listed"}])";
  ASSERT_TRUE(report_plugins(db, good, true));
  ASSERT_TRUE(report_plugins(db, bad, true));
  const auto hosts = plugin_overview(db, {}).value().hosts;
  ASSERT_EQ(hosts.size(), 2U);
  EXPECT_EQ(hosts[0].host, "bad");
  EXPECT_EQ(hosts[0].reload_error, bad.reload_error);
  EXPECT_THAT(hosts[0].refusals, HasSubstr("/p/x.so"));
}

TEST_F(PluginStates, StoresAStrikeOnceHoweverOftenItIsTried) {
  const auto one = strike("r1", now());
  record(one);
  record(one);
  EXPECT_EQ(database.scalar("SELECT count(*) FROM plugin_strikes"), "1");
}

TEST_F(PluginStates, KeepsTheLatestThousandStrikesOfAComponent) {
  database.exec(
      "INSERT INTO plugin_strikes (uid, component, sha256, library, version, at, offence, customer_id, run_id, text,"
      " reported_by) SELECT gen_random_uuid(), 'bad', 'aa', 'l', '1', now() - n * interval '1 second', 'crash', '', '',"
      " n::text, 'h' FROM generate_series(1, 1000) n");
  record(strike("r1", now()));
  record(strike("r1", now(), "other"));
  EXPECT_EQ(database.scalar("SELECT count(*) FROM plugin_strikes WHERE component = 'bad'"), "1000");
  EXPECT_EQ(database.scalar("SELECT count(*) FROM plugin_strikes WHERE text = '1000'"), "0") << "the oldest went";
  EXPECT_EQ(database.scalar("SELECT count(*) FROM plugin_strikes WHERE component = 'other'"), "1");
}

TEST_F(PluginStates, CountsStrikesOfTheLastTenMinutesAndShowsTheLast) {
  report("h1", {component("bad")});
  record(strike("r1", now() - 700));
  record(strike("r2", now() - 300));
  record(strike("r3", now() - 100));
  const auto row = plugin_overview(db, {}).value().components.at(0);
  EXPECT_EQ(row.strikes_10m, 2);
  EXPECT_EQ(row.strikes_total, 3);
  ASSERT_TRUE(row.last_strike);
  EXPECT_EQ(row.last_strike->run_id, "r3");
  EXPECT_EQ(row.last_strike->offence, "crash");
}

TEST_F(PluginStates, OpensAQuarantineOnceWhoeverAsks) {
  std::atomic<int> opened{0};
  {
    std::vector<std::jthread> hosts;
    for (int i = 0; i < 4; ++i) {
      hosts.emplace_back([&] {
        const auto done = open_quarantine(db, {"bad", "aa", "l", "1", 1000, "3 strikes"}, "h");
        if (done && *done) ++opened;
      });
    }
  }
  EXPECT_EQ(opened, 1);
  EXPECT_EQ(open_quarantines(db).value().size(), 1U);
  EXPECT_TRUE(open(1000, "bad", "bb")) << "another file is another matter";
}

TEST_F(PluginStates, EndsAQuarantineAndForgetsItsStrikes) {
  report("h1", {component("bad")});
  record(strike("r1", now() - 60));
  record(strike("r1", now() - 50));
  ASSERT_TRUE(open(now() - 50));
  EXPECT_EQ(plugin_overview(db, {}).value().components.at(0).quarantine->reason, "3 strikes");
  EXPECT_EQ(strikes_of(db, "bad", "aa").value().size(), 2U);
  const auto ended = enable_component(db, "bad", "ada");
  ASSERT_TRUE(ended) << ended.error().text;
  EXPECT_EQ(ended->size(), 1U);
  EXPECT_THAT(open_quarantines(db).value(), IsEmpty());
  EXPECT_EQ(database.scalar("SELECT released_by FROM plugin_quarantine"), "ada");
  EXPECT_THAT(strikes_of(db, "bad", "aa").value(), IsEmpty());
  EXPECT_THAT(recent_strikes(db).value(), IsEmpty());
  EXPECT_EQ(plugin_overview(db, {}).value().components.at(0).strikes_10m, 0);
  EXPECT_FALSE(open(now() - 50)) << "a decision from before it was enabled comes too late";
  EXPECT_TRUE(open(now() + 5)) << "a new one does not";
}

TEST_F(PluginStates, SaysWhatIsQuarantinedWhenTheWrongNameIsEnabled) {
  const auto none = enable_component(db, "bad", "ada");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, Code::not_found);
  EXPECT_EQ(none.error().text, "component 'bad' is not quarantined; none is");
  ASSERT_TRUE(open(1000));
  EXPECT_EQ(enable_component(db, "bda", "ada").error().text, "component 'bda' is not quarantined; quarantined: bad");
}

TEST_F(PluginStates, EndsAQuarantineAlsoForAHostWhoseClockIsAhead) {
  record(strike("r1", now() + 3600));
  record(strike("r1", now() + 3600));
  ASSERT_TRUE(open(now() + 3600));
  ASSERT_TRUE(enable_component(db, "bad", "ada"));
  EXPECT_THAT(strikes_of(db, "bad", "aa").value(), IsEmpty());
}

TEST_F(PluginStates, GivesStrikesOldestFirst) {
  record(strike("r2", now() - 100));
  record(strike("r1", now() - 200));
  const auto all = strikes_of(db, "bad", "aa").value();
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].run_id, "r1");
  EXPECT_EQ(recent_strikes(db).value()[0].run_id, "r1");
}

TEST_F(PluginStates, NoticesOnlyWhatSomeHostHas) {
  ASSERT_TRUE(open(1000));
  EXPECT_THAT(plugin_notices(db).value(), IsEmpty());
  report("h1", {component("bad")});
  EXPECT_EQ(plugin_notices(db).value().size(), 1U);
  report("h1", {component("bad", "bb")});
  EXPECT_THAT(plugin_notices(db).value(), IsEmpty()) << "the file was replaced";
}

TEST_F(PluginStates, AnnouncesEveryChangeOfAQuarantine) {
  std::atomic<int> calls{0};
  const Notifications listener(database.options(), {{kPluginsChannel, [&] { ++calls; }}}, database.log().logger());
  ASSERT_TRUE(wait_until([&] { return calls == 1; })) << "connected";
  ASSERT_TRUE(open(1000));
  ASSERT_TRUE(wait_until([&] { return calls == 2; }));
  ASSERT_TRUE(enable_component(db, "bad", "ada"));
  ASSERT_TRUE(wait_until([&] { return calls == 3; }));
}

TEST_F(PluginStates, CountsTheRunsOfTheReaderAComponentCouldNotJudge) {
  report("h1", {component("bad"), component("good")});
  database.exec(
      "INSERT INTO processed_runs (customer_id, run_id, agent_id, agent_version, trigger, incomplete, processed_at)"
      " VALUES ('acme', 'r1', 'a', '1', 'completed', '[{\"detector\":\"bad\",\"reason\":\"x\"}]', now()),"
      "        ('bolt', 'r2', 'a', '1', 'completed', '[{\"detector\":\"bad\",\"reason\":\"x\"}]', now()),"
      "        ('acme', 'r3', 'a', '1', 'completed', '[{\"detector\":\"bad\",\"reason\":\"x\"}]', now() - interval '2 "
      "days'),"
      "        ('acme', 'r4', 'a', '1', 'completed', '[]', now())");
  const auto count = [&](const Scope& scope) {
    return plugin_overview(db, scope).value().components.at(0).failed_runs_24h;
  };
  EXPECT_EQ(count({"acme"}), 1);
  EXPECT_EQ(plugin_overview(db, {"acme"}).value().components.at(1).failed_runs_24h, 0);
}

}  // namespace
}  // namespace dunetrace::store
