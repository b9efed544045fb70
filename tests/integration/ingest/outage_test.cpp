// The database away, connections cut, the role stopped under load: what was answered with 202 is stored, once and in
// order.
#include <atomic>
#include <future>
#include <pqxx/pqxx>
#include <thread>

#include "fixture.hpp"
#include "store/keys.hpp"

namespace dunetrace::ingest {
namespace {

using namespace std::chrono_literals;

class OutageTest : public IngestTest {
 protected:
  ~OutageTest() override {
    if (!dunetrace::testing::TestPostgres::instance().running()) dunetrace::testing::TestPostgres::instance().start();
  }
  // `threads` clients, each with runs of its own, three batches per run; returns how many events were answered with
  // 202. Ends when `stop` is set or a client is refused.
  int load(int threads, const std::atomic<bool>& stop) {
    std::atomic<int> accepted = 0;
    const auto target = url();
    {
      std::vector<std::jthread> clients;
      for (int t = 0; t < threads; ++t) {
        clients.emplace_back([&, t] {
          http::Client client;
          for (int run = 0; !stop; ++run) {
            const auto id = std::to_string(t) + "-" + std::to_string(run);
            for (int part = 0; part < 3; ++part) {
              const auto body = batch(run_events(id, part * 10, 10, part == 2));
              auto answer = client.send(http::Method::post, target, {}, body, std::chrono::seconds(10));
              // The queue is full: a client of good manners comes back.
              while (answer && answer->status == 503 && !stop) {
                answer = client.send(http::Method::post, target, {}, body, std::chrono::seconds(10));
              }
              if (!answer || answer->status != 202) return;
              accepted += 10;
            }
          }
        });
      }
    }
    return accepted;
  }

  void expect_nothing_twice_and_in_order() {
    EXPECT_EQ(database.scalar(
                  "SELECT count(*) FROM (SELECT 1 FROM events GROUP BY run_id, step_index HAVING count(*) > 1) d"),
              "0");
    EXPECT_EQ(
        database.scalar("SELECT count(*) FROM (SELECT step_index, lag(step_index) OVER (PARTITION BY run_id ORDER BY "
                        "id) AS before FROM events) o WHERE before >= step_index"),
        "0");
    EXPECT_EQ(database.scalar("SELECT count(*) FROM runs r WHERE event_count <> (SELECT count(*) FROM events e WHERE "
                              "e.customer_id = r.customer_id AND e.run_id = r.run_id)"),
              "0");
  }
};

TEST_F(OutageTest, StoppingUnderLoadLosesNothing) {
  start();
  std::atomic<bool> stop = false;
  std::atomic<int> accepted = -1;
  std::jthread clients([&] { accepted = load(4, stop); });
  ASSERT_TRUE(dunetrace::testing::wait_until([&] { return count() > 500; }));
  std::jthread ender([&] {
    EXPECT_TRUE(dunetrace::testing::wait_until([&] { return get("/ready").status == 503; }));
    stop = true;
  });
  EXPECT_TRUE(role->stop(10s));
  ender.join();
  clients.join();
  EXPECT_EQ(count(), accepted.load());
  expect_nothing_twice_and_in_order();
}

TEST_F(OutageTest, AcceptsWhileTheDatabaseIsAway) {
  const auto secret = store::create_key(database.db(), "acme", {}, {"ingest"}).value().secret;
  start({{"AUTH_MODE", "prod"}});
  ASSERT_EQ(post(batch(run_events("r-1", 0, 5, false), secret)).status, 202);
  ASSERT_TRUE(stored(5));
  dunetrace::testing::TestPostgres::instance().stop();
  EXPECT_EQ(post(batch(run_events("r-1", 5, 5, false), secret)).status, 202);
  EXPECT_EQ(post(batch(run_events("r-1", 10, 5, true), secret)).status, 202);
  const auto unknown = post(batch(run_events("r-1", 0, 1, false), "dt_live_unknown"));
  EXPECT_EQ(unknown.status, 503);
  EXPECT_EQ(detail(unknown), "Service temporarily unavailable");
  EXPECT_TRUE(dunetrace::testing::wait_until([&] { return get("/health").status == 503; }));
  const auto health = get("/health").body;
  EXPECT_NE(health.find(R"("status":"degraded")"), std::string::npos) << "<" << health << ">";
  EXPECT_EQ(get("/ready").status, 200);
  dunetrace::testing::TestPostgres::instance().start();
  EXPECT_TRUE(stored(15));
  expect_nothing_twice_and_in_order();
  EXPECT_TRUE(dunetrace::testing::wait_until([&] { return get("/health").status == 200; }));
}

TEST_F(OutageTest, AFullQueueIsRefusedUntilThereIsRoom) {
  start({{"INGEST_QUEUE_EVENTS", "10"}, {"MAX_BATCH_SIZE", "10"}, {"SPOOL_DURABILITY", "memory"}});
  ASSERT_EQ(post(batch(run_events("r-0", 0, 1, false))).status, 202);
  ASSERT_TRUE(stored(1));
  dunetrace::testing::TestPostgres::instance().stop();
  EXPECT_EQ(post(batch(run_events("r-1", 0, 10, true))).status, 202);
  const auto refused = post(batch(run_events("r-2", 0, 1, true)));
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(get("/ready").status, 503);
  dunetrace::testing::TestPostgres::instance().start();
  EXPECT_TRUE(stored(11));
  EXPECT_TRUE(dunetrace::testing::wait_until([&] { return post(batch(run_events("r-2", 0, 1, true))).status == 202; }));
}

TEST_F(OutageTest, AFullSpoolIsRefusedUntilThereIsRoom) {
  start({{"SPOOL_MAX_BYTES", "1048576"}});
  ASSERT_EQ(post(batch(run_events("r-0", 0, 1, false))).status, 202);
  ASSERT_TRUE(stored(1));
  dunetrace::testing::TestPostgres::instance().stop();
  const auto large = [](int step) {
    return batch(R"({"event_type":"tool.called","run_id":"r-1","agent_id":"a","agent_version":"v","step_index":)" +
                 std::to_string(step) + R"(,"payload":{"t":")" + std::string(100'000, 'x') + R"("}})");
  };
  int accepted = 0;
  auto answer = post(large(accepted));
  for (; answer.status == 202; answer = post(large(accepted))) ++accepted;
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(accepted, 10);
  dunetrace::testing::TestPostgres::instance().start();
  EXPECT_TRUE(stored(1 + accepted));
  EXPECT_TRUE(dunetrace::testing::wait_until([&] { return post(large(99)).status == 202; }));
}

TEST_F(OutageTest, WhatCouldNotBeStoredIsStoredByTheNextStart) {
  start();
  ASSERT_EQ(post(batch(run_events("r-1", 0, 1, false))).status, 202);
  ASSERT_TRUE(stored(1));
  dunetrace::testing::TestPostgres::instance().stop();
  ASSERT_EQ(post(batch(run_events("r-1", 1, 7, true))).status, 202);
  EXPECT_TRUE(role->stop(500ms));
  EXPECT_TRUE(database.log().contains("ingest.events_kept")) << database.log().text();
  role.reset();
  start();  // the database is still away
  ASSERT_EQ(post(batch(run_events("r-2", 0, 3, true))).status, 202);
  dunetrace::testing::TestPostgres::instance().start();
  EXPECT_TRUE(stored(11));
  expect_nothing_twice_and_in_order();
}

TEST_F(OutageTest, CutConnectionsNeitherLoseNorRepeat) {
  start();
  std::atomic<bool> stop = false;
  std::atomic<int> accepted = -1;
  std::jthread clients([&] { accepted = load(1, stop); });
  for (int cuts = 0; cuts < 8; ++cuts) {
    const auto before = count();
    database.kill_connections();
    ASSERT_TRUE(dunetrace::testing::wait_until([&] { return count() > before; })) << database.log().text();
  }
  stop = true;
  clients.join();
  EXPECT_TRUE(role->stop(10s));
  EXPECT_EQ(count(), accepted.load());
  expect_nothing_twice_and_in_order();
}

TEST_F(OutageTest, EventsInMemoryThatCannotBeStoredBeforeTheEndAreCounted) {
  start({{"SPOOL_DURABILITY", "memory"}});
  ASSERT_EQ(post(batch(run_events("r-1", 0, 1, false))).status, 202);
  ASSERT_TRUE(stored(1));
  dunetrace::testing::TestPostgres::instance().stop();
  ASSERT_EQ(post(batch(run_events("r-1", 1, 7, true))).status, 202);
  EXPECT_FALSE(role->stop(500ms));
  EXPECT_NE(database.metrics().text().find("dunetrace_ingest_events_lost_total 7\n"), std::string::npos);
  EXPECT_TRUE(database.log().contains("ingest.events_lost"));
}

// A request that hangs must not use up the time for writing what others were promised.
TEST_F(OutageTest, ARequestInFlightGetsHalfOfTheTimeToEnd) {
  start({{"AUTH_MODE", "prod"}});
  ASSERT_EQ(post(batch(run_events("r-1", 0, 1, false), "dt_live_unknown")).status, 401);  // the keys are loaded
  pqxx::connection connection(database.url());
  pqxx::work holder(connection);
  holder.exec("LOCK TABLE api_keys");
  auto waiting = std::async(std::launch::async,
                            [&] { return post(batch(run_events("r-1", 0, 1, false), "dt_live_other")).status; });
  ASSERT_TRUE(dunetrace::testing::wait_until([&] {
    return database.scalar(
               "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND "
               "wait_event_type = 'Lock'") == "1";
  }));
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_TRUE(role->stop(3s));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 3s);
  holder.abort();
  EXPECT_EQ(waiting.get(), 401);
}

TEST_F(OutageTest, KnownKeysGoOnAndUnknownOnesAreToldToComeAgain) {
  const auto known = store::create_key(database.db(), "acme", {}, {"ingest"}).value().secret;
  start({{"AUTH_MODE", "prod"}});
  ASSERT_EQ(post(batch(run_events("r-1", 0, 1, false), known)).status, 202);
  dunetrace::testing::TestPostgres::instance().stop();
  EXPECT_EQ(post(batch(run_events("r-1", 1, 3, true), known)).status, 202);
  const auto unknown = post(batch(run_events("r-2", 0, 1, false), "dt_live_unknown"));
  EXPECT_EQ(unknown.status, 503) << "whether it is one cannot be said";
  EXPECT_EQ(unknown.body, R"({"detail":"Service temporarily unavailable"})");
  EXPECT_EQ(get("/v1/policies?agent_id=agent&api_key=" + known).status, 503);
  EXPECT_EQ(get("/v1/policies?agent_id=agent&api_key=dt_live_unknown").status, 503);
  EXPECT_EQ(get("/ready").status, 200) << "events are taken";
  const auto health = get("/health");
  EXPECT_EQ(health.status, 503);
  EXPECT_TRUE(health.body.starts_with(R"({"status":"degraded","version":")")) << health.body;
  EXPECT_NE(health.body.find(R"(","db":")"), std::string::npos) << health.body;
  dunetrace::testing::TestPostgres::instance().start();
  EXPECT_TRUE(stored(4));
  EXPECT_EQ(post(batch(run_events("r-2", 0, 1, false), "dt_live_unknown")).status, 401);
}

TEST_F(OutageTest, ServesFromTheStartWithoutADatabase) {
  static_cast<void>(database.db());
  dunetrace::testing::TestPostgres::instance().stop();
  start();
  EXPECT_EQ(post(batch(run_events("r-1", 0, 3, true))).status, 202);
  dunetrace::testing::TestPostgres::instance().start();
  EXPECT_TRUE(stored(3));
}

}  // namespace
}  // namespace dunetrace::ingest
