// LISTEN: wakes the right channel, survives losing the server, stops quickly.
#include "store/notifications.hpp"

#include <gtest/gtest.h>

#include <atomic>

#include "testing/postgres.hpp"
#include "testing/wait.hpp"

namespace dunetrace::store {
namespace {

using dunetrace::testing::TestDatabase;
using dunetrace::testing::TestPostgres;
using dunetrace::testing::wait_until;

class NotificationsTest : public ::testing::Test {
 protected:
  void listen() {
    notifications = std::make_unique<Notifications>(
        database.options(),
        std::vector<Notifications::Channel>{{"runs_finished", [this] { ++runs; }}, {"odd \"name", [this] { ++odd; }}},
        database.log().logger());
    ASSERT_TRUE(wait_until([&] { return odd == 1; })) << "called once when it has begun to listen";
  }

  TestDatabase database{TestDatabase::Schema::empty};
  std::atomic<int> runs{0};
  std::atomic<int> odd{0};
  std::unique_ptr<Notifications> notifications;
};

TEST_F(NotificationsTest, CallsTheChannelThatWasNotified) {
  listen();
  database.exec("NOTIFY runs_finished");
  EXPECT_TRUE(wait_until([&] { return runs == 2; }));
  database.exec("NOTIFY \"odd \"\"name\"");
  EXPECT_TRUE(wait_until([&] { return odd == 2; }));
  EXPECT_EQ(runs, 2);
}

TEST_F(NotificationsTest, ALostSessionIsMadeAgainAndEveryChannelCalledOnce) {
  listen();
  ASSERT_EQ(database.kill_connections(), 1);
  EXPECT_TRUE(wait_until([&] { return runs == 2 && odd == 2; }));
  database.exec("NOTIFY runs_finished");
  EXPECT_TRUE(wait_until([&] { return runs == 3; }));
  EXPECT_TRUE(database.log().contains("notifications.lost"));
}

TEST_F(NotificationsTest, SurvivesAnOutageAndStopsQuicklyInOne) {
  listen();
  TestPostgres::instance().stop();
  EXPECT_TRUE(wait_until([&] { return database.log().contains("notifications.lost"); }));
  TestPostgres::instance().start();
  EXPECT_TRUE(wait_until([&] { return runs == 2; }));

  TestPostgres::instance().stop();
  const auto begin = std::chrono::steady_clock::now();
  notifications.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(1));
  TestPostgres::instance().start();
}

TEST_F(NotificationsTest, AHandlerThatThrowsHarmsNobody) {
  std::atomic<int> calls{0};
  const Notifications fragile(database.options(),
                              {{"broken", [] { throw std::runtime_error("oops"); }}, {"sound", [&] { ++calls; }}},
                              database.log().logger());
  EXPECT_TRUE(wait_until([&] { return calls == 1; }));
  database.exec("NOTIFY broken; NOTIFY sound");
  EXPECT_TRUE(wait_until([&] { return calls == 2; }));
  EXPECT_TRUE(database.log().contains("notifications.handler_failed"));
}

}  // namespace
}  // namespace dunetrace::store
