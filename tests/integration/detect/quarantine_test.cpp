// Strikes and quarantines of several detect processes over one database, restarts and outages included.
#include "detect/quarantine.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "detect/inventory.hpp"
#include "detect/role.hpp"
#include "store/read_plugins.hpp"
#include "testing/fake_clock.hpp"
#include "testing/postgres.hpp"
#include "testing/wait.hpp"

namespace dunetrace::detect {
namespace {

using namespace std::chrono_literals;
using dunetrace::testing::FakeClock;
using dunetrace::testing::TestDatabase;
using dunetrace::testing::TestPostgres;
using dunetrace::testing::wait_until;
using plugin::Offence;
using ::testing::HasSubstr;
using ::testing::Optional;

plugin::Library library(const std::string& component, const std::string& sha) {
  plugin::Component one;
  one.schema.id = component;
  one.schema.kind = "detector";
  one.schema.title = "Bad";
  one.schema.signal_types = {component == "bad" ? "BAD_RUN" : "GOOD_RUN"};  // no two detectors may share one
  plugin::Library made;
  made.path = "/plugins/" + component + ".so";
  made.sha256 = sha;
  made.mode = plugin::Mode::isolated;
  made.id = "com.example." + component;
  made.version = "1.0.0";
  made.components = {one};
  return made;
}

std::shared_ptr<const plugin::Generation> generation(std::vector<plugin::Library> libraries, const std::string& yaml,
                                                     std::uint64_t number = 1) {
  auto registry = plugin::Registry::of(std::move(libraries)).value();
  const auto file = config::DetectorsFile::parse(yaml, "detectors.yml");
  if (!file) throw std::runtime_error(file.error().text);
  auto config = file->resolve(registry.schemas(), {});
  if (!config) throw std::runtime_error(config.error().text);
  return std::make_shared<const plugin::Generation>(
      plugin::Generation{std::move(registry), std::move(*config), "detectors.yml", number});
}

// One detect process: what it has in memory ends with it.
struct Process {
  Process(TestDatabase& database, const plugin::Live& live, const Clock& clock, const std::string& name = "host-1")
      : quarantine(name, database.db(), live, log.logger(), metrics, clock) {}
  void cycle() {
    const auto done = quarantine.cycle();
    ASSERT_TRUE(done) << done.error().text;
  }
  [[nodiscard]] std::string gauge() const {
    const auto text = metrics.text();
    const auto at = text.find("dunetrace_plugin_quarantined{");
    return at == std::string::npos ? "" : text.substr(at, text.find('\n', at) - at);
  }
  [[nodiscard]] int lines(const std::string& event) {
    int count = 0;
    for (const auto& line : log.lines()) count += line.find("\"" + event + "\"") != std::string::npos ? 1 : 0;
    return count;
  }
  testing::TestLog log;
  telemetry::Metrics metrics;
  Quarantine quarantine;
};

class QuarantineTest : public ::testing::Test {
 protected:
  static plugin::Strike on_run(const std::string& run, Offence offence = Offence::crash,
                               const std::string& sha = "aa") {
    return {"bad", "com.example.bad", "1.0.0", sha, offence, run.empty() ? "" : "acme", run, "ended by SIGSEGV"};
  }
  std::string rows(const std::string& table) { return database.scalar("SELECT count(*) FROM " + table); }

  TestDatabase database;
  FakeClock clock{std::stod(database.scalar("SELECT extract(epoch FROM now())::float8"))};
  plugin::Live live{generation({library("bad", "aa")}, "")};
};

TEST_F(QuarantineTest, HoldsAtOnceAndIsWrittenLater) {
  Process process(database, live, clock);
  EXPECT_FALSE(process.quarantine.strike(on_run("r1")));
  EXPECT_FALSE(process.quarantine.strike(on_run("r2", Offence::deadline)));
  EXPECT_TRUE(process.quarantine.strike(on_run("r3")));
  EXPECT_THAT(process.quarantine.off("bad", "aa"), Optional(HasSubstr("3 strikes within 10 minutes (crash, deadline")));
  EXPECT_EQ(rows("plugin_strikes"), "0");
  process.cycle();
  EXPECT_EQ(rows("plugin_strikes"), "3");
  EXPECT_EQ(rows("plugin_quarantine"), "1");
  EXPECT_EQ(process.lines("plugin.quarantined"), 1);
  EXPECT_EQ(process.gauge(), R"(dunetrace_plugin_quarantined{component="bad"} 1)");
  process.quarantine.strike(on_run("r4"));
  process.cycle();
  EXPECT_EQ(rows("plugin_quarantine"), "1") << "one visible alert, however much it goes on";
  EXPECT_EQ(process.lines("plugin.quarantined"), 1);
  EXPECT_THAT(process.quarantine.off("bad", "aa"), Optional(HasSubstr("quarantined since 20")));
}

TEST_F(QuarantineTest, OutlivesTheProcess) {
  {
    Process process(database, live, clock);
    process.quarantine.strike(on_run("r1"));
    process.quarantine.strike(on_run("r1"));
    process.cycle();
  }
  Process next(database, live, clock);
  EXPECT_EQ(next.quarantine.off("bad", "aa"), std::nullopt);
  next.cycle();
  EXPECT_THAT(next.quarantine.off("bad", "aa"), Optional(HasSubstr("2 strikes on one run (crash, crash)")));
  EXPECT_EQ(next.lines("plugin.off"), 1);
  EXPECT_EQ(next.lines("plugin.quarantined"), 0) << "said once already";
}

TEST_F(QuarantineTest, CountsTheStrikesFromBeforeARestart) {
  {
    Process process(database, live, clock);
    EXPECT_FALSE(process.quarantine.strike(on_run("r1")));
    process.cycle();
  }
  Process next(database, live, clock);
  next.cycle();
  EXPECT_TRUE(next.quarantine.strike(on_run("r1"))) << "the same run ended the process before";
}

TEST_F(QuarantineTest, AddsUpTheStrikesOfAllProcesses) {
  Process one(database, live, clock, "host-1");
  Process two(database, live, clock, "host-2");
  one.cycle();
  two.cycle();
  EXPECT_FALSE(one.quarantine.strike(on_run("r1")));
  EXPECT_FALSE(one.quarantine.strike(on_run("r2")));
  EXPECT_FALSE(two.quarantine.strike(on_run("r3")));
  one.cycle();
  two.cycle();
  EXPECT_TRUE(two.quarantine.off("bad", "aa"));
  EXPECT_FALSE(one.quarantine.off("bad", "aa")) << "it has not looked yet";
  one.cycle();
  EXPECT_TRUE(one.quarantine.off("bad", "aa"));
  EXPECT_EQ(one.lines("plugin.quarantined") + two.lines("plugin.quarantined"), 1);
}

TEST_F(QuarantineTest, FinishesWhatAProcessLeftUndone) {
  {
    Process process(database, live, clock);
    for (const auto* run : {"r1", "r2", "r3"}) process.quarantine.strike(on_run(run));
    process.cycle();
  }
  database.exec("DELETE FROM plugin_quarantine");  // as if it had ended between strike and consequence
  Process next(database, live, clock);
  next.cycle();
  EXPECT_TRUE(next.quarantine.off("bad", "aa"));
  EXPECT_EQ(rows("plugin_quarantine"), "1");
}

TEST_F(QuarantineTest, EndsWhenAnOperatorEnablesTheComponent) {
  Process process(database, live, clock);
  process.quarantine.strike(on_run("r1"));
  process.quarantine.strike(on_run("r1"));
  process.cycle();
  ASSERT_TRUE(process.quarantine.off("bad", "aa"));
  ASSERT_TRUE(store::enable_component(database.db(), "bad", "ada"));
  process.cycle();
  EXPECT_EQ(process.quarantine.off("bad", "aa"), std::nullopt);
  EXPECT_EQ(process.gauge(), R"(dunetrace_plugin_quarantined{component="bad"} 0)");
  clock.advance(5s);
  EXPECT_FALSE(process.quarantine.strike(on_run("r1"))) << "it starts with a clean slate";
  process.cycle();
  EXPECT_EQ(process.quarantine.off("bad", "aa"), std::nullopt);
  EXPECT_TRUE(process.quarantine.strike(on_run("r1")));
  process.cycle();
  EXPECT_EQ(rows("plugin_quarantine WHERE released_at IS NULL"), "1");
  EXPECT_EQ(process.lines("plugin.quarantined"), 2);
}

TEST_F(QuarantineTest, ConcernsOneFileOnly) {
  Process process(database, live, clock);
  process.quarantine.strike(on_run("r1"));
  process.quarantine.strike(on_run("r1"));
  live.replace(generation({library("bad", "bb")}, "", 2));
  process.cycle();
  EXPECT_TRUE(process.quarantine.off("bad", "aa"));
  EXPECT_EQ(process.quarantine.off("bad", "bb"), std::nullopt);
  EXPECT_EQ(process.gauge(), "") << "the file in force is not off";
}

TEST_F(QuarantineTest, StoresWordsThatNoDatabaseTakes) {
  Process process(database, live, clock);
  auto strike = on_run("r1");
  strike.text = std::string("nul\0 and \xff\xfe", 11) + std::string(5'000, 'x');
  process.quarantine.strike(strike);
  process.cycle();
  EXPECT_EQ(process.quarantine.unwritten(), 0U);
  EXPECT_EQ(database.scalar("SELECT text LIKE 'nul  and %' FROM plugin_strikes"), "t");
}

TEST_F(QuarantineTest, HoldsWhileTheDatabaseIsAwayAndIsWrittenAfterwards) {
  Process process(database, live, clock);
  process.cycle();
  TestPostgres::instance().stop();
  const auto before = std::chrono::steady_clock::now();
  process.quarantine.strike(on_run("r1"));
  EXPECT_TRUE(process.quarantine.strike(on_run("r1")));
  EXPECT_TRUE(process.quarantine.off("bad", "aa"));
  EXPECT_LT(std::chrono::steady_clock::now() - before, 500ms) << "nobody waits for the database";
  EXPECT_FALSE(process.quarantine.cycle());
  EXPECT_EQ(process.gauge(), R"(dunetrace_plugin_quarantined{component="bad"} 1)");
  EXPECT_EQ(process.quarantine.unwritten(), 2U);
  TestPostgres::instance().start();
  ASSERT_TRUE(wait_until([&] { return process.quarantine.cycle().has_value(); }));
  EXPECT_EQ(rows("plugin_strikes"), "2");
  EXPECT_EQ(rows("plugin_quarantine"), "1");
  EXPECT_TRUE(process.quarantine.off("bad", "aa"));
}

TEST_F(QuarantineTest, InventoryFollowsTheGenerationInForce) {
  Inventory inventory("host-1", database.db(), live, clock);
  ASSERT_TRUE(inventory.report());
  const auto shown = [&] {
    std::string out;
    const auto read = store::plugin_overview(database.db(), {});
    if (!read) return read.error().text;
    const auto& all = *read;
    for (const auto& row : all.components) {
      out += row.component.component + " " + row.component.sha256 + " " + row.component.state +
             (row.absent_since ? " absent; " : "; ");
    }
    return out + (all.hosts.at(0).reload_ok ? "" : all.hosts.at(0).reload_error);
  };
  EXPECT_EQ(shown(), "bad aa shadow; ");
  live.replace(generation({library("bad", "bb"), library("good", "cc")},
                          "plugins:\n  detectors:\n    good: {live: true}\n    bad: {enabled: false}\n", 2),
               clock.unix_seconds());
  ASSERT_TRUE(inventory.report());
  EXPECT_EQ(shown(), "bad bb disabled; good cc live; ");
  live.replace(generation({library("good", "cc")}, "", 3), clock.unix_seconds() + 1);
  ASSERT_TRUE(inventory.report());
  EXPECT_EQ(shown(), "bad bb disabled absent; good cc shadow; ");
  live.kept(clock.unix_seconds() + 2, "detectors.yml:1: no");
  ASSERT_TRUE(inventory.report());
  EXPECT_EQ(shown(), "bad bb disabled absent; good cc shadow; detectors.yml:1: no");
}

TEST_F(QuarantineTest, InventoryAsksTheDatabaseNothingWhileNothingChanges) {
  Inventory inventory("host-1", database.db(), live, clock);
  ASSERT_TRUE(inventory.report());
  database.exec("DELETE FROM plugin_hosts");
  ASSERT_TRUE(inventory.report());
  EXPECT_EQ(rows("plugin_hosts"), "0");
  clock.advance(61s);
  ASSERT_TRUE(inventory.report());
  EXPECT_EQ(rows("plugin_hosts"), "1");
}

TEST_F(QuarantineTest, RoleReportsAndTakesOverWithoutBeingAsked) {
  const SystemClock time;
  store::Database role_db(database.options(), database.log().logger(), database.metrics());
  // It polls once an hour: what happens soon happens because of a notification.
  const Role role({.workers = 1, .poll_interval = 1h}, role_db, live, database.log().logger(), database.metrics(),
                  time);
  ASSERT_TRUE(wait_until([&] { return rows("plugin_components WHERE absent_at IS NULL") == "1"; }));
  ASSERT_TRUE(wait_until([&] { return rows("pg_stat_activity WHERE query ILIKE 'LISTEN%'") != "0"; }));
  ASSERT_TRUE(store::open_quarantine(database.db(), {"bad", "aa", "l", "1", clock.unix_seconds(), "because"}, "other"));
  const auto shows = [&](const std::string& value) {
    const auto line = "dunetrace_plugin_quarantined{component=\"bad\"} " + value + "\n";
    return wait_until([&] { return database.metrics().text().find(line) != std::string::npos; });
  };
  EXPECT_TRUE(shows("1"));
  ASSERT_TRUE(store::enable_component(database.db(), "bad", "ada"));
  EXPECT_TRUE(shows("0"));
}

}  // namespace
}  // namespace dunetrace::detect
