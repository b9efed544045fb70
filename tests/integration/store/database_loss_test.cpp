// Losing the server: before, inside and at the end of a transaction, and for a while.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <future>
#include <pqxx/pqxx>

#include "store/session.hpp"
#include "testing/postgres.hpp"
#include "testing/test_log.hpp"
#include "testing/wait.hpp"

namespace dunetrace::store {
namespace {

using dunetrace::testing::TestDatabase;
using dunetrace::testing::TestPostgres;
using dunetrace::testing::wait_until;
using ::testing::HasSubstr;
using ::testing::Not;

class DatabaseLossTest : public ::testing::Test {
 protected:
  void SetUp() override {
    database.exec("CREATE TABLE t (n integer)");
    ASSERT_TRUE(insert());
  }
  Result<> insert() {
    return transact(db, "insert", [](pqxx::work& tx) -> Result<> {
      tx.exec("INSERT INTO t VALUES (1)");
      return {};
    });
  }
  std::string count() { return database.scalar("SELECT count(*) FROM t"); }

  TestDatabase database{TestDatabase::Schema::empty};
  Database& db = database.db();
};

TEST_F(DatabaseLossTest, BeforeATransactionNobodyNotices) {
  ASSERT_GE(database.kill_connections(), 1);
  const auto done = insert();
  EXPECT_TRUE(done) << done.error().text;
  EXPECT_EQ(count(), "2");
}

TEST_F(DatabaseLossTest, InsideATransactionIsUnavailableAndNothingIsWritten) {
  int attempts = 0;
  const auto lost = transact(db, "insert", [&](pqxx::work& tx) -> Result<> {
    ++attempts;
    tx.exec("INSERT INTO t VALUES (2)");
    database.kill_connections();
    tx.exec("INSERT INTO t VALUES (3)");
    return {};
  });
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().code, Code::unavailable);
  EXPECT_THAT(lost.error().text, HasSubstr("insert: connection lost"));
  EXPECT_THAT(lost.error().text, Not(HasSubstr("unknown")));
  EXPECT_EQ(attempts, 1) << "work that may have had effects is not repeated here";
  EXPECT_EQ(count(), "1");
  EXPECT_TRUE(insert()) << "the next one gets a session of its own";
}

// The session must not be replaced behind the caller's back: the second statement would run outside of a transaction.
TEST_F(DatabaseLossTest, ASwallowedLossStillFails) {
  const auto lost = transact(db, "insert", [&](pqxx::work& tx) -> Result<> {
    database.kill_connections();
    for (int i = 0; i < 3; ++i) {
      try {
        tx.exec("INSERT INTO t VALUES (2)");
      } catch (const std::exception&) {
        // as careless code would
      }
    }
    return {};
  });
  ASSERT_FALSE(lost);
  EXPECT_EQ(count(), "1");
  EXPECT_TRUE(insert());
}

TEST_F(DatabaseLossTest, AtCommitIsInDoubtAndSaysSo) {
  database.exec(
      "CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS "
      "$$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(1); RETURN NULL; END $$;"
      "CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED"
      " FOR EACH ROW EXECUTE FUNCTION die()");
  const auto lost = insert();
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().code, Code::unavailable);
  EXPECT_THAT(lost.error().text, HasSubstr("while committing"));
  EXPECT_THAT(lost.error().text, HasSubstr("unknown"));
  database.exec("DROP TRIGGER at_commit ON t");
  EXPECT_TRUE(insert());
  EXPECT_EQ(count(), "2");
}

TEST_F(DatabaseLossTest, CopyCutShortWritesNothing) {
  const auto lost = transact(db, "copy", [&](pqxx::work& tx) -> Result<> {
    pqxx::stream_to stream(tx, "t");
    stream << std::make_tuple(5);
    database.kill_connections();
    for (int i = 0; i < 100'000; ++i) stream << std::make_tuple(i);
    stream.complete();
    return {};
  });
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().code, Code::unavailable) << lost.error().text;
  EXPECT_EQ(count(), "1");
  EXPECT_TRUE(insert());
}

TEST_F(DatabaseLossTest, AnOutageIsSeenAndItsEndTooWithoutAnyCall) {
  ASSERT_TRUE(wait_until([&] { return db.reachable(); }));
  TestPostgres::instance().stop();
  EXPECT_TRUE(wait_until([&] { return !db.reachable(); })) << "an idle pool notices by itself";
  const auto refused = insert();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::unavailable);
  EXPECT_FALSE(db.ping());
  EXPECT_THAT(database.metrics().text(), HasSubstr("dunetrace_db_up 0"));

  TestPostgres::instance().start();
  EXPECT_TRUE(wait_until([&] { return db.reachable(); }));
  EXPECT_TRUE(insert());
  EXPECT_EQ(count(), "2");
  EXPECT_TRUE(database.log().contains("database.lost"));
}

// A server that is stopped takes what is sent and answers nothing: no limit of libpq applies.
TEST_F(DatabaseLossTest, InterruptEndsWhatWaitsForAServerThatHangs) {
  const auto backend =
      query(db, "who", [](pqxx::work& tx) -> Result<int> { return tx.exec1("SELECT pg_backend_pid()")[0].as<int>(); });
  ASSERT_TRUE(backend);
  ASSERT_EQ(::kill(*backend, SIGSTOP), 0);
  auto waiting = std::async(std::launch::async, [&] { return insert(); });
  EXPECT_EQ(waiting.wait_for(std::chrono::milliseconds(200)), std::future_status::timeout);
  db.interrupt();
  const auto freed = waiting.wait_for(std::chrono::seconds(5));
  ::kill(*backend, SIGCONT);
  ASSERT_EQ(freed, std::future_status::ready);
  const auto cut = waiting.get();
  ASSERT_FALSE(cut);
  EXPECT_EQ(cut.error().code, Code::unavailable) << cut.error().text;
  const auto later = insert();
  ASSERT_FALSE(later);
  EXPECT_EQ(later.error().code, Code::unavailable);
  EXPECT_THAT(later.error().text, HasSubstr("stopping"));
}

TEST_F(DatabaseLossTest, InterruptEndsWaitingForAConnection) {
  auto options = database.options();
  options.max_connections = 1;
  options.lease_timeout = std::chrono::minutes(5);
  Database narrow(options, database.log().logger(), database.metrics());
  const auto outer = transact(narrow, "outer", [&](pqxx::work&) -> Result<> {
    auto inner = std::async(std::launch::async,
                            [&] { return transact(narrow, "inner", [](pqxx::work&) -> Result<> { return {}; }); });
    narrow.interrupt();
    EXPECT_EQ(inner.wait_for(std::chrono::seconds(5)), std::future_status::ready);
    EXPECT_FALSE(inner.get());
    return {};
  });
  EXPECT_FALSE(outer);
}

// A server that takes connections and never answers.
class SilentServer {
 public:
  SilentServer() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    const bool listens = ::bind(fd_, reinterpret_cast<sockaddr*>(&address), size) == 0 && ::listen(fd_, 8) == 0 &&
                         ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size) == 0;
    port_ = listens ? ntohs(address.sin_port) : std::uint16_t{0};
  }
  ~SilentServer() { ::close(fd_); }
  SilentServer(const SilentServer&) = delete;
  SilentServer& operator=(const SilentServer&) = delete;
  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] bool asked() const {
    pollfd waiting{fd_, POLLIN, 0};
    return ::poll(&waiting, 1, 5'000) == 1;
  }

 private:
  const int fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  std::uint16_t port_ = 0;
};

TEST_F(DatabaseLossTest, ASilentServerDoesNotHideTheOneBehindIt) {
  const SilentServer silent;
  ASSERT_GT(silent.port(), 0);
  const auto sockets = database.scalar("SELECT trim(BOTH '\"' FROM current_setting('unix_socket_directories'))");
  const auto port = database.scalar("SHOW port");
  auto options = database.options();
  options.url +=
      fmt::format(" host=127.0.0.1,{} port={},{} target_session_attrs=read-write", sockets, silent.port(), port);
  Database both(options, database.log().logger(), database.metrics());
  EXPECT_TRUE(transact(both, "write", [](pqxx::work& tx) -> Result<> {
    tx.exec0("CREATE TEMPORARY TABLE t (a int)");
    return {};
  }));
}

TEST_F(DatabaseLossTest, InterruptEndsConnectingToAServerThatSaysNothing) {
  const SilentServer silent;
  ASSERT_GT(silent.port(), 0);
  auto options = database.options();
  options.url = fmt::format("host=127.0.0.1 port={} connect_timeout=0 dbname=x", silent.port());
  Database mute(options, database.log().logger(), database.metrics());
  auto waiting = std::async(std::launch::async,
                            [&] { return transact(mute, "wait", [](pqxx::work&) -> Result<> { return {}; }); });
  EXPECT_EQ(waiting.wait_for(std::chrono::milliseconds(200)), std::future_status::timeout);
  mute.interrupt();
  EXPECT_EQ(waiting.wait_for(std::chrono::seconds(5)), std::future_status::ready);
  EXPECT_FALSE(waiting.get());
}

TEST_F(DatabaseLossTest, AnEndInTheMiddleOfALookIsNoLoss) {
  const SilentServer silent;
  ASSERT_GT(silent.port(), 0);
  auto options = database.options();
  options.url = fmt::format("host=127.0.0.1 port={} dbname=x", silent.port());
  dunetrace::testing::TestLog log;
  {
    const Database brief(options, log.logger(), database.metrics());
    ASSERT_TRUE(silent.asked());
  }
  EXPECT_FALSE(log.contains("database.lost")) << log.text();
}

TEST_F(DatabaseLossTest, EndsAtOnceWhileTheServerIsAway) {
  TestPostgres::instance().stop();
  ASSERT_TRUE(wait_until([&] { return !db.reachable(); }));
  {
    auto other = std::make_unique<Database>(database.options(), database.log().logger(), database.metrics());
    const auto begin = std::chrono::steady_clock::now();
    other.reset();
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(1));
  }
  TestPostgres::instance().start();
}

}  // namespace
}  // namespace dunetrace::store
