// The thread that keeps partitions, with looks and passes at once instead of every hour.
#include "retention/keeper.hpp"

#include <memory>

#include "fixture.hpp"
#include "testing/wait.hpp"

namespace dunetrace::testing {
namespace {

using namespace std::chrono_literals;
using retention::Keeper;
using retention::KeeperOptions;

class KeeperTest : public RetentionTest {
 protected:
  std::unique_ptr<Keeper> start(KeeperOptions options = {}) {
    options.look = 5ms;
    options.pass = 5ms;
    options.retry = 5ms;
    options.patience = 0ms;
    return std::make_unique<Keeper>(options, db_, database_.log().logger(), metrics_);
  }
  std::uint64_t dropped() { return metrics_.counter(kDropped, "").value(); }
  // Looks that began from now on are over.
  void wait_for_looks() {
    database_.exec(
        "CREATE TABLE IF NOT EXISTS looks (n bigint); "
        "CREATE OR REPLACE FUNCTION count_look() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "INSERT INTO looks VALUES (1); RETURN NULL; END $$; "
        "CREATE OR REPLACE TRIGGER looked AFTER INSERT OR UPDATE ON event_retention FOR EACH ROW "
        "EXECUTE FUNCTION count_look()");
    const auto begin = std::stoi(database_.scalar("SELECT count(*) FROM looks"));
    ASSERT_TRUE(wait_until([&] { return std::stoi(database_.scalar("SELECT count(*) FROM looks")) >= begin + 3; }));
  }

  static constexpr const char* kDropped = "dunetrace_retention_dropped_partitions_total";
  telemetry::Metrics metrics_;
};

TEST_F(KeeperTest, DropsWhatIsOldAndMakesWhatIsMissing) {
  for (const int days : {2, 29, 31, 32, 33}) add_day(days);
  database_.exec("DROP TABLE " + name_of(-3));
  const auto keeper = start();
  EXPECT_TRUE(wait_until([&] { return dropped() == 3 && exists(-3); })) << database_.log().text();
  EXPECT_FALSE(exists(31));
  EXPECT_TRUE(exists(29));
  EXPECT_EQ(count(), 6);
  const auto oldest =
      std::stod(database_.scalar("SELECT extract(epoch FROM date_trunc('day', now() AT TIME ZONE 'UTC') AT TIME ZONE "
                                 "'UTC' - 29 * interval '24 hours')"));
  auto& gauge = metrics_.gauge("dunetrace_retention_oldest_partition_timestamp_seconds", "");
  EXPECT_TRUE(wait_until([&] { return gauge.value() == oldest; }));
}

TEST_F(KeeperTest, WithoutALimitNothingIsDropped) {
  add_day(4'000);
  const auto keeper = start({.days = 0});
  wait_for_looks();
  EXPECT_TRUE(exists(4'000));
  EXPECT_EQ(dropped(), 0U);
}

TEST_F(KeeperTest, PlacesWhatFellPastThePartitions) {
  const auto keeper = start();
  database_.exec(
      "INSERT INTO events (customer_id, batch_id, event_type, run_id, agent_id, agent_version, step_index, "
      "\"timestamp\", received_at) VALUES ('c', 'b', 'x', 'r', 'a', 'v', 1, 1, now() + interval '40 days')");
  EXPECT_TRUE(wait_until([&] { return exists(-40); }));
  EXPECT_EQ(count(), 1);
}

TEST_F(KeeperTest, OfTwoHostsEachPartitionIsDroppedByOne) {
  constexpr int kDays = 12;
  for (int i = 0; i < kDays; ++i) add_day(60 + i);
  telemetry::Metrics others;
  {
    const auto one = start();
    Keeper two({.look = 5ms, .pass = 5ms, .retry = 5ms, .patience = 0ms}, db_, database_.log().logger(), others);
    EXPECT_TRUE(wait_until([&] { return !exists(60) && due(30).empty(); }));
  }
  EXPECT_EQ(dropped() + others.counter(kDropped, "").value(), static_cast<std::uint64_t>(kDays));
  EXPECT_FALSE(database_.log().contains("retention.failed")) << database_.log().text();
}

// The hosts' looks every minute make a jump visible.
TEST_F(KeeperTest, AfterTheClockLeaptAheadADayIsWaited) {
  add_day(40);
  database_.exec("INSERT INTO event_retention (seen_at, days) VALUES (now() - interval '40 days', 30)");
  const auto keeper = start();
  wait_for_looks();
  EXPECT_TRUE(exists(40));
  EXPECT_TRUE(database_.log().contains("retention.in_doubt"));
  EXPECT_EQ(database_.scalar("SELECT abs(extract(epoch FROM doubt_until - now()) - 86400) < 60 FROM event_retention"),
            "t");
  database_.exec("UPDATE event_retention SET doubt_until = now() - interval '1 second'");
  EXPECT_TRUE(wait_until([&] { return !exists(40); }));
}

// What was stored before the clock was put right looks old by the whole jump, for as long as the limit.
TEST_F(KeeperTest, AfterTheClockWentBackTheLimitIsWaited) {
  database_.exec("INSERT INTO event_retention (seen_at, days) VALUES (now() + interval '40 days', 30)");
  const auto keeper = start();
  wait_for_looks();
  EXPECT_EQ(database_.scalar("SELECT went_back FROM event_retention"), "t");
  add_day(40);  // stored now, by a clock that was 40 days behind
  database_.exec(
      "UPDATE event_retention SET seen_at = now() - interval '40 days', doubt_until = now() - interval '10 days'");
  wait_for_looks();
  EXPECT_TRUE(exists(40));
  EXPECT_EQ(
      database_.scalar("SELECT went_back || ' ' || (doubt_until > now() + interval '29 days') FROM event_retention"),
      "false true");
}

TEST_F(KeeperTest, ALeapOfAnHourOrANightWithoutHostsIsOne) {
  for (const auto* seen : {"now() - interval '5 hours'", "now() + interval '50 minutes'"}) {
    database_.exec(std::string("DELETE FROM event_retention; INSERT INTO event_retention (seen_at, days) VALUES (") +
                   seen + ", 30)");
    EXPECT_FALSE(store::note_retention_look(db_, 30).value()) << seen;
  }
  // Hosts that are off every night get to it every other morning.
  database_.exec("UPDATE event_retention SET seen_at = now() - interval '16 hours'");
  EXPECT_TRUE(store::note_retention_look(db_, 30).value());
  database_.exec(
      "UPDATE event_retention SET seen_at = now() - interval '16 hours', doubt_until = now() - interval '1 second'");
  EXPECT_FALSE(store::note_retention_look(db_, 30).value());
}

TEST_F(KeeperTest, ASecondLeapWhileTheFirstIsDoubtedIsDoubtedAsWell) {
  const auto doubted = [&](const std::string& ago, int days) {
    database_.exec("DELETE FROM event_retention");
    database_.exec("INSERT INTO event_retention (seen_at, days) VALUES (now() - interval '40 days', 30)");
    EXPECT_TRUE(store::note_retention_look(db_, days).value());
    // All that is noted is as long ago as if the clock had leapt on.
    database_.exec("UPDATE event_retention SET seen_at = seen_at - interval '" + ago +
                   "', doubt_until = doubt_until - interval '" + ago + "'");
    return store::note_retention_look(db_, days).value();
  };
  EXPECT_TRUE(doubted("40 days", 30));
  EXPECT_EQ(database_.scalar("SELECT abs(extract(epoch FROM doubt_until - now()) - 86400) < 60 FROM event_retention"),
            "t")
      << "for a day from then on";
  EXPECT_TRUE(doubted("8 days", 30));
  EXPECT_TRUE(doubted("25 hours", 3));
  EXPECT_FALSE(doubted("7 days", 30)) << "hosts that run once a week get to it";
  EXPECT_FALSE(doubted("64 hours", 30)) << "a weekend";
}

TEST_F(KeeperTest, GoesOnAfterAnOutage) {
  const auto keeper = start();
  wait_for_looks();
  TestPostgres::instance().stop();
  EXPECT_TRUE(wait_until([&] { return database_.log().contains("retention.failed"); }));
  TestPostgres::instance().start();
  add_day(50);
  EXPECT_TRUE(wait_until([&] { return !exists(50); })) << database_.log().text();
}

}  // namespace
}  // namespace dunetrace::testing
