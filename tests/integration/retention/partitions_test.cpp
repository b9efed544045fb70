// What store/retention.hpp does to the partitions of a real database.
#include <atomic>
#include <chrono>
#include <pqxx/pqxx>
#include <thread>

#include "fixture.hpp"
#include "stored_runs.hpp"

namespace dunetrace::testing {
namespace {

using namespace std::chrono_literals;
using State = store::EventPartition::State;
using Names = std::vector<std::string>;

class Partitions : public RetentionTest {};

TEST_F(Partitions, AreMadeFromYesterdayToTheDaysAhead) {
  ASSERT_TRUE(store::ensure_event_partitions(db_, 9));
  for (int ahead = -1; ahead <= 9; ++ahead) EXPECT_TRUE(exists(-ahead)) << ahead;
  EXPECT_FALSE(exists(-10));
  const auto before = names();
  ASSERT_TRUE(store::ensure_event_partitions(db_, 9));
  EXPECT_EQ(names(), before);
}

TEST_F(Partitions, AreWantedWhenTomorrowHasNone) {
  EXPECT_FALSE(store::partitions_wanting(db_).value());
  database_.exec("DROP TABLE " + name_of(-1));
  EXPECT_TRUE(store::partitions_wanting(db_).value());
  ASSERT_TRUE(store::ensure_event_partitions(db_, 7));
  EXPECT_FALSE(store::partitions_wanting(db_).value());
}

TEST_F(Partitions, AreDueWhenTheirWholeDayIsOlderThanTheLimit) {
  for (const int days : {29, 30, 31, 32, 90}) add_day(days);
  EXPECT_EQ(due(30), (Names{name_of(90), name_of(32), name_of(31)})) << "day 30 ended less than 30 days ago";
  EXPECT_EQ(due(0), Names{});
  EXPECT_EQ(due(100), Names{});
}

TEST_F(Partitions, AreListedWithWhatIsInThem) {
  add_day(40, 500);
  database_.exec("ANALYZE events");
  const auto listed = store::list_event_partitions(db_, 30).value();
  ASSERT_FALSE(listed.empty());
  const auto& part = listed.front();
  EXPECT_EQ(part.name, name_of(40));
  EXPECT_EQ(part.day,
            database_.scalar("SELECT to_char(now() AT TIME ZONE 'UTC' - interval '960 hours', 'YYYY-MM-DD')"));
  EXPECT_EQ(part.rows, 500);
  EXPECT_GT(part.bytes, 8192);
  EXPECT_TRUE(part.has_events);
  EXPECT_EQ(part.ends_at - part.starts_at, 86'400);
  EXPECT_FALSE(listed.back().has_events);
}

TEST_F(Partitions, AreDroppedAndOnlyThey) {
  for (const int days : {0, 1, 40, 41}) add_day(days);
  EXPECT_EQ(store::drop_event_partition(db_, name_of(40), 30).value(), store::Dropped::dropped);
  EXPECT_EQ(store::drop_event_partition(db_, name_of(40), 30).value(), store::Dropped::gone);
  EXPECT_FALSE(exists(40));
  EXPECT_TRUE(exists(41));
  EXPECT_EQ(count(), 9);
}

// Whatever the caller thinks is old.
TEST_F(Partitions, ThePresentOneIsNeverDropped) {
  add_day(0);
  EXPECT_FALSE(store::drop_event_partition(db_, name_of(0), 1));
  EXPECT_FALSE(store::drop_event_partition(db_, name_of(1), 1));
  EXPECT_FALSE(store::drop_event_partition(db_, name_of(-1), 1));
  EXPECT_THROW(database_.exec("SELECT drop_event_partition('" + name_of(0) + "', now() + interval '40 days')"),
               pqxx::sql_error);
  EXPECT_EQ(count(), 3);
}

TEST_F(Partitions, OtherTablesAreNeverDropped) {
  EXPECT_EQ(store::drop_event_partition(db_, "runs", 1).value(), store::Dropped::gone);
  EXPECT_EQ(store::drop_event_partition(db_, "events_default", 1).value(), store::Dropped::gone);
  EXPECT_EQ(store::drop_event_partition(db_, "events; DROP TABLE runs", 1).value(), store::Dropped::gone);
  add_day(50);
  database_.exec("ALTER TABLE events DETACH PARTITION " + name_of(50));  // as whoever keeps it elsewhere does
  EXPECT_EQ(due(30), Names{});
  EXPECT_EQ(store::drop_event_partition(db_, name_of(50), 1).value(), store::Dropped::gone);
  EXPECT_EQ(database_.scalar("SELECT count(*) FROM " + name_of(50)), "3");
}

TEST_F(Partitions, DaysAreUtcDaysWhateverTheSessionSays) {
  const std::string name = database_.scalar("SELECT current_database()");
  for (const auto* zone : {"Pacific/Kiritimati", "America/Adak", "Asia/Kathmandu"}) {
    SCOPED_TRACE(zone);
    database_.exec("ALTER DATABASE " + name + " SET timezone = '" + zone + "'; ALTER DATABASE " + name +
                   " SET datestyle = 'SQL, DMY'");
    store::Database odd(database_.options(), database_.log().logger(), database_.metrics());
    const auto before = names();
    ASSERT_TRUE(store::ensure_event_partitions(odd, 7));
    EXPECT_EQ(names(), before) << "the same days";
    add_day(45);
    const auto listed = store::list_event_partitions(odd, 30).value();
    EXPECT_EQ(listed.front().name, name_of(45));
    EXPECT_EQ(listed.front().state, State::due);
    EXPECT_EQ(static_cast<std::int64_t>(listed.front().starts_at) % 86'400, 0);
    EXPECT_EQ(store::drop_event_partition(odd, name_of(45), 30).value(), store::Dropped::dropped);
    EXPECT_EQ(names(), before);
  }
}

// A clock that goes back or forward by days: rows fall past the partitions, and get theirs.
TEST_F(Partitions, EventsOfAnyDayFindOne) {
  database_.exec(
      "INSERT INTO events (customer_id, batch_id, event_type, run_id, agent_id, agent_version, step_index, "
      "\"timestamp\", received_at) SELECT 'c', 'b', 'llm.called', 'r', 'a', 'v', n, n, now() + n * interval '9 days' "
      "FROM generate_series(-50, 50) n");
  EXPECT_EQ(database_.scalar("SELECT count(*) FROM events_default"), "100");
  const auto placed = store::place_stray_events(db_, 1'000).value();
  EXPECT_EQ(placed.moved, 100);
  EXPECT_EQ(placed.left, 0);
  EXPECT_EQ(count(), 101);
  EXPECT_EQ(database_.scalar("SELECT count(*) FROM events WHERE run_id = 'r' AND customer_id = 'c'"), "101");
  EXPECT_EQ(store::place_stray_events(db_, 1'000)->moved, 0);
  // They are partitions like others: with indexes, and writable.
  EXPECT_EQ(database_.scalar("SELECT count(*) FROM pg_indexes WHERE tablename = '" + name_of(9) + "'"), "3");
  database_.exec(
      "INSERT INTO events (customer_id, batch_id, event_type, run_id, agent_id, agent_version, step_index, "
      "\"timestamp\", received_at) VALUES ('c', 'b', 'x', 'r', 'a', 'v', 1, 1, now() - interval '9 days')");
  EXPECT_EQ(database_.scalar("SELECT count(*) FROM events_default"), "0");
}

TEST_F(Partitions, TooManyEventsToMoveStayWhereTheyAre) {
  database_.exec(
      "INSERT INTO events (customer_id, batch_id, event_type, run_id, agent_id, agent_version, step_index, "
      "\"timestamp\", received_at) SELECT 'c', 'b', 'llm.called', 'r', 'a', 'v', n, n, now() - interval '20 days' "
      "FROM generate_series(1, 20) n");
  const auto placed = store::place_stray_events(db_, 19).value();
  EXPECT_EQ(placed.moved, 0);
  EXPECT_EQ(placed.left, 20);
  EXPECT_EQ(count(), 20);
}

TEST_F(Partitions, AHandMadeOneOfAMonthIsLeftInPlaceAndDroppedLikeOthers) {
  database_.exec(
      "CREATE TABLE long_ago PARTITION OF events FOR VALUES FROM ('2001-03-01 00:00+00') TO ('2001-04-01 00:00+00')");
  database_.exec(
      "INSERT INTO events (customer_id, batch_id, event_type, run_id, agent_id, agent_version, step_index, "
      "\"timestamp\", received_at) VALUES ('c', 'b', 'x', 'r', 'a', 'v', 1, 1, '2001-03-15')");
  EXPECT_EQ(due(30), Names{"long_ago"});
  EXPECT_EQ(store::drop_event_partition(db_, "long_ago", 30).value(), store::Dropped::dropped);
}

TEST_F(Partitions, AreHeldForRunsThatAreNotJudgedYet) {
  store_events(db_, "c", "waiting", "a", looping_run());
  age("waiting", 45);
  add_day(46);
  const auto state = [&] {
    const auto listed = store::list_event_partitions(db_, 30).value();
    for (const auto& part : listed) {
      if (part.name == name_of(45)) return std::pair(part.state, part.unjudged);
    }
    return std::pair(State::kept, std::int64_t{-1});
  };
  EXPECT_EQ(state(), std::pair(State::unjudged, std::int64_t{1}));
  EXPECT_EQ(due(30), Names{name_of(46)}) << "the other day has nothing of it";
  EXPECT_EQ(due(22), (Names{name_of(46), name_of(45)})) << "not for longer than twice the limit";
  database_.exec("UPDATE runs SET outcome = NULL");
  EXPECT_EQ(state(), std::pair(State::unjudged, std::int64_t{1})) << "a run that is still open";
  database_.exec("UPDATE runs SET judged_events = event_count");
  EXPECT_EQ(state(), std::pair(State::due, std::int64_t{0}));
}

TEST_F(Partitions, OneInUseIsNotWaitedFor) {
  add_day(40);
  pqxx::connection reader(database_.url());
  {
    pqxx::work tx(reader);
    tx.exec("SELECT count(*) FROM events");
    EXPECT_EQ(store::drop_event_partition(db_, name_of(40), 30, 20ms).value(), store::Dropped::busy);
    EXPECT_TRUE(exists(40));
  }
  {
    pqxx::work tx(reader);
    tx.exec("SELECT pg_advisory_xact_lock(hashtext('dunetrace.retention'))");
    EXPECT_EQ(store::drop_event_partition(db_, name_of(40), 30).value(), store::Dropped::busy)
        << "another host is at it";
  }
  EXPECT_EQ(store::drop_event_partition(db_, name_of(40), 30).value(), store::Dropped::dropped);
}

TEST_F(Partitions, IngestGoesOnWhileTheyAreDroppedAndMade) {
  for (int days = 40; days < 60; ++days) add_day(days);
  std::atomic<int> stored{0};
  std::atomic<bool> over{false};
  {
    std::vector<std::jthread> writers;
    for (int w = 0; w < 3; ++w) {
      writers.emplace_back([&, w] {
        for (int i = 0; !over || i < 20; ++i) {
          store_events(db_, "c", "run-" + std::to_string(w) + "-" + std::to_string(i), "a", looping_run());  // throws
          ++stored;
        }
      });
    }
    const auto deadline = std::chrono::steady_clock::now() + 60s;
    for (int ahead = 8; !due(30).empty() && std::chrono::steady_clock::now() < deadline; ++ahead) {
      for (const auto& name : due(30)) EXPECT_TRUE(store::drop_event_partition(db_, name, 30));
      static_cast<void>(store::ensure_event_partitions(db_, ahead));  // may be refused its lock
    }
    over = true;
  }
  EXPECT_EQ(due(30), Names{});
  EXPECT_GE(stored, 60);
  EXPECT_EQ(count(), stored * static_cast<int>(looping_run().size()));
  EXPECT_EQ(database_.scalar("SELECT count(*) FROM runs r WHERE event_count <> (SELECT count(*) FROM events e WHERE "
                             "e.run_id = r.run_id)"),
            "0");
}

}  // namespace
}  // namespace dunetrace::testing
