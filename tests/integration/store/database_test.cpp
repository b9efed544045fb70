// The pool and its transactions while the server is well: settings, limits, and what each SQLSTATE becomes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <pqxx/pqxx>

#include "store/session.hpp"
#include "testing/postgres.hpp"
#include "testing/wait.hpp"

namespace dunetrace::store {
namespace {

using dunetrace::testing::TestDatabase;
using dunetrace::testing::TestPostgres;
using dunetrace::testing::wait_until;
using ::testing::HasSubstr;
using ::testing::Not;
using namespace std::chrono_literals;

class DatabaseTest : public ::testing::Test {
 protected:
  Result<> run(Database& target, const std::string& sql) {
    return transact(target, "test", [&](pqxx::work& tx) -> Result<> {
      tx.exec(sql);
      return {};
    });
  }
  Result<std::string> ask(Database& target, const std::string& sql) {
    return query(target, "test", [&](pqxx::work& tx) -> Result<std::string> { return tx.exec1(sql)[0].c_str(); });
  }
  // Another pool on the same database.
  std::unique_ptr<Database> open(DatabaseOptions options) {
    return std::make_unique<Database>(std::move(options), database.log().logger(), database.metrics());
  }

  TestDatabase database{TestDatabase::Schema::empty};
  Database& db = database.db();
};

TEST_F(DatabaseTest, CommitsAValueAndRollsBackAnError) {
  ASSERT_TRUE(run(db, "CREATE TABLE t (n integer)"));
  ASSERT_TRUE(run(db, "INSERT INTO t VALUES (1)"));
  const auto refused = transact(db, "test", [](pqxx::work& tx) -> Result<int> {
    tx.exec("INSERT INTO t VALUES (2)");
    return fail(Code::denied, "changed my mind");
  });
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::denied);
  EXPECT_EQ(refused.error().text, "changed my mind");
  EXPECT_EQ(database.scalar("SELECT string_agg(n::text, ',') FROM t"), "1");
}

TEST_F(DatabaseTest, EverySessionHasItsLimitsAndName) {
  auto options = database.options();
  options.application_name = "dunetrace-'odd\\ name";
  options.statement_timeout = 1234ms;
  options.url += " options='-c work_mem=5MB'";
  const auto other = open(options);
  EXPECT_EQ(ask(*other, "SHOW statement_timeout").value(), "1234ms");
  EXPECT_EQ(ask(*other, "SHOW idle_in_transaction_session_timeout").value(), "10s");
  EXPECT_EQ(ask(*other, "SHOW TimeZone").value(), "UTC");
  EXPECT_EQ(ask(*other, "SHOW application_name").value(), options.application_name);
  EXPECT_EQ(ask(*other, "SHOW backend_flush_after").value(), "2MB") << "the disk gets it before the checkpoint";
  EXPECT_EQ(ask(*other, "SHOW work_mem").value(), "5MB") << "options of the URL are kept";
}

TEST_F(DatabaseTest, QueryCannotWrite) {
  ASSERT_TRUE(run(db, "CREATE TABLE t (n integer)"));
  const auto refused = query(db, "test", [](pqxx::work& tx) -> Result<> {
    tx.exec("INSERT INTO t VALUES (1)");
    return {};
  });
  ASSERT_FALSE(refused);
  EXPECT_EQ(sqlstate_of(refused.error()), "25006");
  EXPECT_EQ(database.scalar("SELECT count(*) FROM t"), "0");
}

TEST_F(DatabaseTest, PingTellsReachabilityAndTheGauge) {
  ASSERT_TRUE(db.ping());
  EXPECT_TRUE(db.reachable());
  EXPECT_THAT(database.metrics().text(), HasSubstr("dunetrace_db_up 1"));
}

TEST_F(DatabaseTest, ALeaseIsWaitedForOnlySoLong) {
  auto options = database.options();
  options.max_connections = 1;
  options.lease_timeout = 50ms;
  const auto narrow = open(options);
  const auto outer = transact(*narrow, "outer", [&](pqxx::work&) -> Result<> {
    const auto inner = std::async(std::launch::async, [&] { return run(*narrow, "SELECT 1"); }).get();
    EXPECT_FALSE(inner);
    if (!inner) {
      EXPECT_EQ(inner.error().code, Code::unavailable);
      EXPECT_THAT(inner.error().text, HasSubstr("within 50 ms"));
    }
    return {};
  });
  EXPECT_TRUE(outer);
  EXPECT_TRUE(run(*narrow, "SELECT 1")) << "the connection came back";
}

TEST_F(DatabaseTest, NeverOpensMoreConnectionsThanAllowed) {
  auto options = database.options();
  options.max_connections = 3;
  options.application_name = "narrow";
  const auto narrow = open(options);
  ASSERT_TRUE(run(*narrow, "CREATE TABLE t (sessions bigint)"));
  std::vector<std::future<Result<>>> calls;
  for (int i = 0; i < 12; ++i) {
    calls.push_back(std::async(std::launch::async, [&] {
      return run(*narrow,
                 "INSERT INTO t SELECT count(*) FROM pg_stat_activity WHERE application_name = 'narrow'"
                 " AND datname = current_database()");
    }));
  }
  for (auto& call : calls) EXPECT_TRUE(call.get());
  EXPECT_EQ(database.scalar("SELECT max(sessions) <= 4 FROM t"), "t") << "three of the pool and one of the probe";
}

TEST_F(DatabaseTest, AStatementOverItsLimitIsATimeoutAndTheSessionLives) {
  auto options = database.options();
  options.statement_timeout = 100ms;
  options.max_connections = 1;
  const auto hasty = open(options);
  const auto before = ask(*hasty, "SELECT pg_backend_pid()");
  const auto late = run(*hasty, "SELECT pg_sleep(30)");
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, Code::timeout);
  EXPECT_EQ(sqlstate_of(late.error()), "57014");
  EXPECT_EQ(ask(*hasty, "SELECT pg_backend_pid()").value(), before.value());
}

struct Poison {
  const char* state;
  const char* sql;
};

class PoisonedRow : public DatabaseTest, public ::testing::WithParamInterface<Poison> {};

// Bad data stays an error of the data, with its SQLSTATE for whoever must put the row aside, and costs no session.
TEST_P(PoisonedRow, IsInternalWithItsSqlstate) {
  ASSERT_TRUE(run(db, "CREATE TABLE t (id integer PRIMARY KEY, payload jsonb, name text); INSERT INTO t VALUES (1)"));
  const auto refused = run(db, GetParam().sql);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::internal) << refused.error().text;
  EXPECT_EQ(sqlstate_of(refused.error()), GetParam().state) << refused.error().text;
  EXPECT_THAT(refused.error().text, Not(HasSubstr("DETAIL")));
  EXPECT_TRUE(run(db, "INSERT INTO t VALUES (2)"));
  EXPECT_TRUE(db.reachable());
}

INSTANTIATE_TEST_SUITE_P(
    AllStates, PoisonedRow,
    ::testing::Values(Poison{"22P05", R"(INSERT INTO t VALUES (7, '{"a": "\u0000"}'))"},
                      Poison{"22P02", R"(INSERT INTO t VALUES (7, '{"a": "\ud800"}'))"},
                      Poison{"22P02", "INSERT INTO t VALUES (7, '{broken')"},
                      Poison{"22021", "INSERT INTO t VALUES (7, NULL, convert_from('\\xff', 'UTF8'))"},
                      Poison{"22003", "INSERT INTO t VALUES (2147483648)"}, Poison{"23505", "INSERT INTO t VALUES (1)"},
                      Poison{"23502", "INSERT INTO t VALUES (NULL)"}, Poison{"42P01", "SELECT * FROM nowhere"},
                      Poison{"42601", "SELEKT"}),
    [](const auto& one) { return std::string(one.param.state) + "_" + std::to_string(one.index); });

TEST_F(DatabaseTest, CopyRefusesBadBytesAndThePoolGoesOn) {
  ASSERT_TRUE(run(db, "CREATE TABLE t (name text)"));
  const auto refused = transact(db, "copy", [](pqxx::work& tx) -> Result<> {
    pqxx::stream_to stream(tx, "t");
    stream << std::make_tuple(std::string("fine")) << std::make_tuple(std::string("\xff\xfe"));
    stream.complete();
    return {};
  });
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::internal);
  EXPECT_EQ(sqlstate_of(refused.error()), "22021") << refused.error().text;
  EXPECT_EQ(database.scalar("SELECT count(*) FROM t"), "0");
  EXPECT_TRUE(run(db, "INSERT INTO t VALUES ('x')"));
}

// libpqxx reports this as a broken connection; taken for an outage it would be repeated for ever.
TEST_F(DatabaseTest, AWrongNumberOfArgumentsIsNoOutage) {
  ASSERT_TRUE(db.ping());
  const auto refused = transact(db, "test", [](pqxx::work& tx) -> Result<> {
    tx.conn().prepare("two", "SELECT $1::int + $2::int");
    tx.exec_prepared("two", 1);
    return {};
  });
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::internal) << refused.error().text;
  EXPECT_TRUE(db.reachable());
}

TEST_F(DatabaseTest, AnExceptionOfTheCallerBecomesAnError) {
  const auto refused =
      query(db, "read number", [](pqxx::work& tx) -> Result<int> { return tx.exec1("SELECT 'word'")[0].as<int>(); });
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::internal);
  EXPECT_THAT(refused.error().text, ::testing::StartsWith("read number: "));
}

TEST_F(DatabaseTest, RepeatsAfterASerializationFailure) {
  ASSERT_TRUE(run(db, "CREATE TABLE t (n integer); INSERT INTO t VALUES (0)"));
  int attempts = 0;
  const auto done = transact(db, "test", [&](pqxx::work& tx) -> Result<int> {
    tx.exec("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ");
    const auto seen = tx.exec1("SELECT n FROM t")[0].as<int>();
    if (++attempts == 1) database.exec("UPDATE t SET n = n + 10");  // somebody else was faster
    tx.exec_params("UPDATE t SET n = $1", seen + 1);
    return seen;
  });
  ASSERT_TRUE(done) << done.error().text;
  EXPECT_EQ(*done, 10) << "the value of the attempt that was committed";
  EXPECT_EQ(attempts, 2);
  EXPECT_EQ(database.scalar("SELECT n FROM t"), "11");
  EXPECT_THAT(database.metrics().text(), HasSubstr("dunetrace_db_repeats_total 1"));
}

TEST_F(DatabaseTest, GivesUpAfterThreeRepeats) {
  int attempts = 0;
  const auto done = transact(db, "test", [&](pqxx::work& tx) -> Result<> {
    ++attempts;
    tx.exec("DO $$ BEGIN RAISE EXCEPTION 'again' USING ERRCODE = '40001'; END $$");
    return {};
  });
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Code::unavailable);
  EXPECT_EQ(sqlstate_of(done.error()), "40001");
  EXPECT_EQ(attempts, 4);
}

TEST_F(DatabaseTest, BothSidesOfADeadlockSucceed) {
  ASSERT_TRUE(run(db, "CREATE TABLE t (id integer PRIMARY KEY, n integer); INSERT INTO t VALUES (1, 0), (2, 0)"));
  std::atomic<int> locked{0};
  const auto both = [&](int first, int second) {
    bool tried = false;
    return transact(db, "test", [&, first, second](pqxx::work& tx) -> Result<> {
      tx.exec_params("UPDATE t SET n = n + 1 WHERE id = $1", first);
      if (!std::exchange(tried, true)) {
        ++locked;
        EXPECT_TRUE(wait_until([&] { return locked == 2; }));
      }
      tx.exec_params("UPDATE t SET n = n + 1 WHERE id = $1", second);
      return {};
    });
  };
  auto other = std::async(std::launch::async, [&] { return both(2, 1); });
  EXPECT_TRUE(both(1, 2));
  EXPECT_TRUE(other.get());
  EXPECT_EQ(database.scalar("SELECT string_agg(n::text, ',') FROM t"), "2,2");
}

TEST_F(DatabaseTest, TooManyConnectionsIsUnavailable) {
  const auto role = "limited_" + std::to_string(::getpid());
  database.exec("CREATE ROLE " + role + " LOGIN CONNECTION LIMIT 0");
  auto options = database.options();
  options.url.replace(options.url.find("user=dunetrace"), std::string("user=dunetrace").size(), "user=" + role);
  const auto refused = run(*open(options), "SELECT 1");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::unavailable);
  EXPECT_THAT(refused.error().text, HasSubstr("too many connections"));
  database.exec("DROP ROLE " + role);
}

TEST_F(DatabaseTest, ErrorsNeverShowThePassword) {
  for (const char* url : {"postgresql://me:hunter2@127.0.0.1:1/x", "postgresql://me:hunter2@[::1/x", "hunter2",
                          "password=hunter2 host=/nonexistent/hunter2", ""}) {
    const auto away = open({.url = url, .application_name = "test"});
    const auto refused = run(*away, "SELECT 1");
    ASSERT_FALSE(refused) << url;
    EXPECT_THAT(refused.error().text, Not(HasSubstr("hunter2")));
    const auto silent = away->ping();
    ASSERT_FALSE(silent) << url;
    EXPECT_THAT(silent.error().text, Not(HasSubstr("hunter2")));
    EXPECT_FALSE(away->reachable());
  }
  EXPECT_THAT(database.log().text(), Not(HasSubstr("hunter2")));
}

}  // namespace
}  // namespace dunetrace::store
