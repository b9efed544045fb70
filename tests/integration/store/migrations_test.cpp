// The schema: applied once, by any number of hosts at once, and refused when files and database disagree.
#include "store/migrations.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <pqxx/pqxx>

#include "testing/postgres.hpp"

namespace dunetrace::store {
namespace {

using dunetrace::testing::migrations_directory;
using dunetrace::testing::TempDir;
using dunetrace::testing::TestDatabase;
using dunetrace::testing::write_file;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class MigrationsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    write_file(files / "0001_one.sql", "CREATE TABLE one (n integer); INSERT INTO one VALUES (1);");
    write_file(files / "0002_two.sql", "CREATE TABLE two (n integer);");
    write_file(files / "README", "not a migration");
  }
  std::string refusal(Code code) {
    const auto refused = migrate(db, files.path());
    EXPECT_FALSE(refused);
    if (refused) return {};
    EXPECT_EQ(refused.error().code, code);
    EXPECT_EQ(refused.error().text.find('\n'), std::string::npos) << "one line";
    return refused.error().text;
  }

  TempDir files;
  TestDatabase database{TestDatabase::Schema::empty};
  Database& db = database.db();
};

TEST_F(MigrationsTest, AppliesInOrderAndOnlyOnce) {
  EXPECT_THAT(migrate(db, files.path()).value(), ElementsAre("0001_one.sql", "0002_two.sql"));
  EXPECT_THAT(migrate(db, files.path()).value(), IsEmpty());
  write_file(files / "0003_three.sql", "ALTER TABLE one ADD m integer;");
  EXPECT_THAT(migrate(db, files.path()).value(), ElementsAre("0003_three.sql"));
  EXPECT_EQ(database.scalar("SELECT count(*) FROM one"), "1");
}

TEST_F(MigrationsTest, TheRealOnesMakeEveryTable) {
  ASSERT_TRUE(migrate(db, migrations_directory()));
  EXPECT_EQ(
      database.scalar("SELECT count(*) FROM unnest(ARRAY['events', 'failure_signals', 'processed_runs', 'api_keys',"
                      " 'issues', 'digest_log', 'fixes', 'policies', 'deploy_events', 'runs']) AS name"
                      " WHERE to_regclass(name) IS NULL"),
      "0");
}

// A database of the release before issues were kept.
TEST_F(MigrationsTest, IssuesAreMadeOfTheSignalsThatWereThere) {
  TempDir old;
  for (const auto& file : std::filesystem::directory_iterator(migrations_directory())) {
    if (file.path().filename() < "0008") std::filesystem::copy(file.path(), old / file.path().filename().string());
  }
  ASSERT_EQ(migrate(db, old.path()).value().back(), "0007_spool.sql");
  const auto judged = [&](const std::string& run, int minute, const std::string& types = "",
                          const std::string& agent = "a", const std::string& incomplete = "[]") {
    const auto at = "timestamptz '2026-01-01 00:00Z' + " + std::to_string(minute) + " * interval '1 minute'";
    database.exec(
        "INSERT INTO processed_runs (customer_id, run_id, agent_id, agent_version, processed_at, trigger, incomplete)"
        " VALUES ('c', '" +
        run + "', '" + agent + "', 'v', " + at + ", 'completed', '" + incomplete + "')");
    database.exec(
        "INSERT INTO failure_signals (customer_id, run_id, agent_id, agent_version, failure_type, severity, step_index,"
        " confidence, evidence, detected_at, shadow, withdrawn_at, detector_id, detector_version)"
        " SELECT 'c', '" +
        run + "', '" + agent + "', 'v', rtrim(t, '*-'), 'HIGH', 1, 0.9, '{}', " + at +
        ", t LIKE '%*', CASE WHEN t LIKE '%-' THEN now() END, 'd', '1' FROM string_to_table('" + types +
        "', ' ') AS t"
        " WHERE t <> ''");
  };
  judged("r1", 1, "A B");
  judged("r2", 2, "A SHADOW*");
  judged("r3", 3, "B- WITHDRAWN-");
  judged("r4", 4, "C");
  judged("r5", 4);  // written together with r4
  judged("r6", 5, "", "a", R"([{"detector":"d","reason":"r"}])");
  judged("r7", 6);
  judged("r8", 7, "", "other");
  judged("r9", 8);
  judged("r10", 9);
  judged("r11", 10);
  judged("s1", 20, "T", "other");
  for (int run = 2; run < 8; ++run) judged("s" + std::to_string(run), 21, "", "other");
  judged("s8", 22, "T", "other");
  ASSERT_EQ(migrate(db, migrations_directory()).value().front(), "0008_fair_queue.sql");
  std::string issues;
  for (const auto& row : database.rows("SELECT concat_ws(' ', agent_id, failure_type, status, affected_runs, "
                                       "'affected', clean_runs_since, 'clean,',"
                                       " extract(minute FROM first_seen)::int, extract(minute FROM last_seen)::int,"
                                       " extract(minute FROM resolved_at)::int) FROM issues ORDER BY failure_type"))
    issues += *row[0] + "\n";
  EXPECT_EQ(issues,
            "a A resolved 2 affected 5 clean, 1 2 8\n"
            "a B resolved 1 affected 5 clean, 1 1 6\n"
            "a C resolved 1 affected 5 clean, 4 4 10\n"
            "other T reopened 2 affected 0 clean, 20 22\n");
  EXPECT_EQ(database.scalar("SELECT string_agg(run_id, ' ' ORDER BY processed_at) FROM processed_runs"
                            " WHERE agent_id = 'other' AND extract(minute FROM processed_at) >= 20"),
            "s1 s2 s3 s4 s5 s6 s7 s8");
  EXPECT_EQ(database.scalar("SELECT count(DISTINCT (agent_id, processed_at)) = count(*) FROM processed_runs"), "t");
  EXPECT_EQ(database.scalar("SELECT bool_and(s.processed_at = p.processed_at) FROM failure_signals s"
                            " JOIN processed_runs p USING (run_id)"),
            "t");
}

TEST_F(MigrationsTest, ManyHostsAtOnceApplyEachFileOnce) {
  std::vector<std::future<Result<std::vector<std::string>>>> hosts;
  std::vector<std::unique_ptr<Database>> pools;
  for (int i = 0; i < 8; ++i) {
    auto& pool =
        pools.emplace_back(std::make_unique<Database>(database.options(), database.log().logger(), database.metrics()));
    hosts.push_back(std::async(std::launch::async, [&pool = *pool, this] { return migrate(pool, files.path()); }));
  }
  std::vector<std::string> applied;
  for (auto& host : hosts) {
    const auto names = host.get();
    ASSERT_TRUE(names) << names.error().text;
    applied.insert(applied.end(), names->begin(), names->end());
  }
  EXPECT_THAT(applied, ::testing::UnorderedElementsAre("0001_one.sql", "0002_two.sql"));
  EXPECT_EQ(database.scalar("SELECT count(*) FROM one"), "1");
}

TEST_F(MigrationsTest, AChangedOldFileIsRefusedByName) {
  ASSERT_TRUE(migrate(db, files.path()));
  write_file(files / "0001_one.sql", "CREATE TABLE one (n bigint);");
  EXPECT_THAT(refusal(Code::conflict), HasSubstr("migration 0001_one.sql was changed after it had been applied"));
}

TEST_F(MigrationsTest, ANewerDatabaseIsRefused) {
  ASSERT_TRUE(migrate(db, files.path()));
  std::filesystem::remove(files / "0002_two.sql");
  EXPECT_THAT(refusal(Code::conflict), HasSubstr("schema version 2, this program knows versions up to 1"));
}

TEST_F(MigrationsTest, GapsTwinsAndOddNamesAreRefusedBeforeAnythingIsDone) {
  write_file(files / "0004_four.sql", "SELECT 1;");
  EXPECT_THAT(refusal(Code::invalid_argument), HasSubstr("0004_four.sql: expected number 0003"));
  std::filesystem::remove(files / "0004_four.sql");
  write_file(files / "0002_twin.sql", "SELECT 1;");
  EXPECT_THAT(refusal(Code::invalid_argument), HasSubstr("expected number 0003"));
  std::filesystem::remove(files / "0002_twin.sql");
  write_file(files / "3_three.sql", "SELECT 1;");
  EXPECT_THAT(refusal(Code::invalid_argument), HasSubstr("3_three.sql: expected a name like"));
  EXPECT_EQ(database.scalar("SELECT to_regclass('schema_migrations')"), "(null)");
}

TEST_F(MigrationsTest, AFileThatFailsIsNamedAndLeavesNothing) {
  write_file(files / "0003_bad.sql", "CREATE TABLE half (n integer); SELEKT;");
  EXPECT_THAT(refusal(Code::internal), HasSubstr("migration 0003_bad.sql: "));
  EXPECT_EQ(database.scalar("SELECT to_regclass('half')"), "(null)");
  EXPECT_EQ(database.scalar("SELECT max(version) FROM schema_migrations"), "2");
}

TEST_F(MigrationsTest, AMissingDirectoryIsNamed) {
  const auto refused = migrate(db, files / "nowhere");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::not_found);
  EXPECT_THAT(refused.error().text, HasSubstr((files / "nowhere").string()));
}

// Accepted events with characters the encoding lacks could never be stored.
TEST_F(MigrationsTest, ADatabaseThatIsNotUtf8IsRefusedBeforeAnythingIsDone) {
  {
    pqxx::connection connection(database.url());
    pqxx::nontransaction(connection)
        .exec("CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'");
  }
  auto options = database.options();
  options.url = dunetrace::testing::TestPostgres::instance().url("latin");
  Database latin(options, database.log().logger(), database.metrics());
  const auto refused = migrate(latin, files.path());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::conflict);
  EXPECT_THAT(refused.error().text, HasSubstr("the database 'latin' has the encoding LATIN1, expected UTF8"));
  EXPECT_EQ(refused.error().text.find('\n'), std::string::npos) << "one line";
}

// Nobody waits for what a wrong setting will never give; in service the same is an outage, which somebody may end.
TEST_F(MigrationsTest, AWrongLoginOrDatabaseIsNoOutage) {
  const auto attempt = [&](const std::string& from, const std::string& to) {
    auto options = database.options();
    options.url.replace(options.url.find(from), from.size(), to);
    Database other(options, database.log().logger(), database.metrics());
    auto refused = migrate(other, files.path());
    EXPECT_FALSE(refused);
    return refused ? Error{} : refused.error();
  };
  const auto login = attempt("user=dunetrace", "user=nobody_here");
  EXPECT_EQ(login.code, Code::denied) << login.text;
  EXPECT_THAT(login.text, ::testing::EndsWith("role \"nobody_here\" does not exist (SQLSTATE 28000)"));
  const auto name = attempt("dbname=", "dbname=no_");
  EXPECT_EQ(name.code, Code::not_found) << name.text;
  EXPECT_THAT(name.text, ::testing::EndsWith("does not exist (SQLSTATE 3D000)"));
}

// A slow migration is no slow statement of a request.
TEST_F(MigrationsTest, StatementTimeoutsDoNotApply) {
  write_file(files / "0003_slow.sql", "SELECT pg_sleep(0.3);");
  auto options = database.options();
  options.statement_timeout = std::chrono::milliseconds(100);
  Database hasty(options, database.log().logger(), database.metrics());
  const auto done = migrate(hasty, files.path());
  EXPECT_TRUE(done) << done.error().text;
}

}  // namespace
}  // namespace dunetrace::store
