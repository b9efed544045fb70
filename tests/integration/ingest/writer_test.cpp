// The writer and its position in the database: no group twice, none left out, whatever happens in between.
#include "ingest/writer.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <future>
#include <new>
#include <numeric>
#include <pqxx/pqxx>

#include "core/clock.hpp"
#include "spool/disk_spool.hpp"
#include "spool/queue.hpp"
#include "spool/spool_file.hpp"
#include "store/dead_letters.hpp"
#include "testing/postgres.hpp"
#include "testing/temp_dir.hpp"
#include "testing/wait.hpp"

namespace dunetrace::ingest {
namespace {

using namespace std::chrono_literals;
using dunetrace::testing::wait_until;

class WriterTest : public ::testing::Test {
 protected:
  static AcceptedBatch batch(const std::vector<int>& steps) {
    AcceptedBatch made;
    made.batch_id = "b";
    made.customer_id = "c";
    for (const int step : steps) {
      AcceptedEvent one;
      one.kind = EventKind::tool_called;
      one.step_index = step;
      one.run_id = "r";
      one.agent_id = "a";
      one.agent_version = "v";
      one.payload = "{}";
      made.events.push_back(one);
    }
    return made;
  }
  // The events [begin, end) of the batch, which is the first of spool number `spool`.
  Result<std::uint64_t> write(const AcceptedBatch& from, std::size_t begin, std::size_t end, int spool = 1) {
    const store::BatchSlice slice{&from, begin, end, 0};
    return store::write_events(database.db(), {id_of(spool), true}, {&slice, 1});
  }
  static std::string id_of(int spool) { return "00000000-0000-4000-8000-00000000000" + std::to_string(spool); }
  void put(AcceptedBatch made) {
    queue.append(std::move(made), [](spool::Append how) { EXPECT_EQ(how, spool::Append::accepted); });
  }
  // The steps in the order of their insertion.
  [[nodiscard]] std::string steps() const {
    return database.scalar("SELECT string_agg(step_index::text, ',' ORDER BY id) FROM events");
  }
  // Everything in the queue goes through a writer of its own, with something before and after each of its
  // transactions.
  using Slices = std::span<const store::BatchSlice>;
  using Between = std::function<Result<>(int attempt, Slices slices)>;
  void drain(const Between& before, const Between& after = {}) {
    int attempts = 0;
    WriterOptions options{.first_retry = 1ms, .longest_retry = 1ms};
    options.write = [&](store::Database& db, const store::SpoolRef& spool, Slices slices) -> Result<std::uint64_t> {
      const int attempt = ++attempts;
      if (before) DUNE_TRY_VOID(before(attempt, slices));
      DUNE_TRY(reached, store::write_events(db, spool, slices));
      if (after) DUNE_TRY_VOID(after(attempt, slices));
      return reached;
    };
    Writer writer(options, queue, database.db(), database.log().logger(), database.metrics());
    queue.close();
    EXPECT_TRUE(queue.wait_drained(dunetrace::testing::kWaitLimit));
  }

  testing::TestDatabase database;
  spool::Queue queue{{}};
};

TEST_F(WriterTest, TheDeadLettersThatWaitAreCounted) {
  database.exec("ALTER TABLE events ADD CHECK (step_index <> 13)");
  const auto waiting = [&](int rows) {
    const auto line = "dunetrace_dead_letters_waiting " + std::to_string(rows) + "\n";
    return wait_until([&] { return database.metrics().text().find(line) != std::string::npos; });
  };
  Writer writer({.count_dead_letters = 10ms}, queue, database.db(), database.log().logger(), database.metrics());
  EXPECT_TRUE(waiting(0));
  put(batch({0, 13, 1, 13}));
  EXPECT_TRUE(waiting(2));
  database.exec("DELETE FROM dead_letters WHERE id = (SELECT min(id) FROM dead_letters)");
  EXPECT_TRUE(waiting(1));
  EXPECT_EQ(store::count_dead_letters(database.db(), 100).value(), 1);
  EXPECT_EQ(store::count_dead_letters(database.db(), 0).value(), 0) << "no more than asked for";
}

TEST_F(WriterTest, AFailedTransactionDoesNotMoveThePosition) {
  database.exec("ALTER TABLE events ADD CHECK (step_index <> 13)");
  const auto made = batch({0, 13});
  EXPECT_FALSE(write(made, 0, 2));
  EXPECT_EQ(database.scalar("SELECT count(*) FROM spool_positions"), "0");
}

// Else every event would be put aside, one by one, and the dead letters could not be written either.
TEST_F(WriterTest, WhatThePositionMeetsIsNoFaultOfTheEvents) {
  const auto made = batch({0, 1});
  const store::BatchSlice slice{&made, 0, 1, 0};
  const store::SpoolRef no_id{"rubbish", true};
  EXPECT_EQ(store::write_events(database.db(), no_id, {&slice, 1}).error().code, Code::unavailable);
  EXPECT_EQ(store::write_dead_letter(database.db(), no_id, slice, "a test").error().code, Code::unavailable);
  database.exec("ALTER TABLE spool_positions ADD CHECK (position <> 1)");
  EXPECT_EQ(write(made, 0, 1).error().code, Code::unavailable);
  EXPECT_TRUE(write(made, 0, 2));
  EXPECT_EQ(steps(), "0,1");
}

TEST_F(WriterTest, AGroupThatTakesTooLongIsStoredInParts) {
  database.exec(
      "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS "
      "'BEGIN PERFORM pg_sleep(0.02); RETURN NEW; END'; "
      "CREATE TRIGGER slow BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION slow()");
  auto options = database.options();
  options.statement_timeout = 500ms;
  store::Database impatient(options, database.log().logger(), database.metrics());
  std::vector<int> all(60);
  std::iota(all.begin(), all.end(), 0);
  put(batch(all));
  std::size_t largest_after = 0;
  bool timed_out = false;
  WriterOptions writing{.least_group = 4, .first_retry = 1ms, .longest_retry = 1ms};
  writing.write = [&](store::Database& db, const store::SpoolRef& spool, Slices slices) -> Result<std::uint64_t> {
    std::size_t events = 0;
    for (const auto& slice : slices) events += slice.to - slice.from;
    if (timed_out) largest_after = std::max(largest_after, events);
    auto reached = store::write_events(db, spool, slices);
    timed_out = timed_out || (!reached && reached.error().code == Code::timeout);
    return reached;
  };
  {
    Writer writer(writing, queue, impatient, database.log().logger(), database.metrics());
    queue.close();
    EXPECT_TRUE(queue.wait_drained(dunetrace::testing::kWaitLimit));
  }
  EXPECT_TRUE(timed_out) << "60 rows take 1.2 seconds";
  EXPECT_EQ(largest_after, 30u);
  EXPECT_EQ(database.scalar("SELECT count(*) || ' ' || count(DISTINCT step_index) FROM events"), "60 60");
  EXPECT_TRUE(database.log().contains("ingest.write_too_slow")) << database.log().text();
}

// A directory that was copied, not moved: both spools have one id.
TEST_F(WriterTest, WhatACopyOfASpoolAcceptsIsStored) {
  testing::TempDir dir;
  const auto original = dir / "a/ingest.db", copy = dir / "b/ingest.db";
  int step = 0;
  SystemClock clock;
  const auto serve = [&](const std::filesystem::path& file, int batches) {
    auto spool = spool::DiskSpool::open({.file = file}, clock, database.log().logger()).value();
    WriterOptions options{.first_retry = 1ms, .longest_retry = 1ms};
    options.began_at = spool::overview(file).value().next;
    for (int i = 0; i < batches; ++i) {
      std::promise<spool::Append> answer;
      spool->append(batch({step, step + 1}), [&](spool::Append how) { answer.set_value(how); });
      ASSERT_EQ(answer.get_future().get(), spool::Append::accepted);
      step += 2;
    }
    Writer writer(options, *spool, database.db(), database.log().logger(), database.metrics());
    spool->close();
    ASSERT_TRUE(spool->wait_drained(dunetrace::testing::kWaitLimit));
  };
  serve(original, 3);
  std::filesystem::copy(dir / "a", dir / "b");
  EXPECT_FALSE(database.log().contains("ingest.spool_is_a_copy"));
  for (int start = 0; start < 3; ++start) serve(original, 5);
  EXPECT_FALSE(database.log().contains("ingest.spool_is_a_copy")) << database.log().text();
  serve(copy, 4);
  EXPECT_TRUE(database.log().contains("ingest.spool_is_a_copy")) << database.log().text();
  for (int start = 0; start < 4; ++start) serve(copy, 2);
  serve(original, 2);
  // Each time as many events as the other, at the same positions.
  std::filesystem::copy(dir / "a", dir / "c");
  serve(original, 2);
  serve(dir / "c/ingest.db", 2);
  EXPECT_EQ(database.scalar("SELECT count(*) || ' ' || count(DISTINCT step_index) FROM events"),
            std::to_string(step) + " " + std::to_string(step));
}

// The halves of a batch may begin with events that are alike.
TEST_F(WriterTest, AnOutageBetweenLikeHalvesLosesNothing) {
  database.exec("ALTER TABLE events ADD CHECK (step_index <> 13)");
  put(batch({0, 13, 0, 1}));
  bool away = false;
  drain([&](int, Slices slices) -> Result<> {
    if (slices.front().from != 2 || away) return {};
    away = true;
    return fail(Code::unavailable, "the database is away");
  });
  EXPECT_TRUE(away);
  EXPECT_EQ(steps(), "0,0,1");
  EXPECT_EQ(database.scalar("SELECT position FROM spool_positions"), "4") << "stored or put aside";
}

TEST_F(WriterTest, AnAnswerThatIsLostRepeatsNothing) {
  put(batch({0, 1}));
  drain({}, [](int attempt, auto) -> Result<> {
    if (attempt > 1) return {};
    return fail(Code::unavailable, "the answer to COMMIT was lost");
  });
  EXPECT_EQ(steps(), "0,1");
}

TEST_F(WriterTest, AnExceptionEndsNeitherTheWriterNorTheProcess) {
  put(batch({0, 1}));
  drain(
      [](int attempt, auto) -> Result<> {
        if (attempt == 1) throw std::bad_alloc();
        if (attempt == 2) throw 7;
        return {};
      },
      [](int attempt, auto) -> Result<> {
        if (attempt == 3) throw std::bad_alloc();
        return {};
      });
  EXPECT_EQ(steps(), "0,1");
  EXPECT_TRUE(database.log().contains("ingest.writer_failed")) << database.log().text();
}

TEST_F(WriterTest, PositionsOfSpoolsThatAreGoneAreRemoved) {
  database.exec("INSERT INTO spool_positions VALUES ('" + id_of(1) + "', 1, false, now() - interval '8 days'), ('" +
                id_of(2) + "', 1, true, now() - interval '8 days')");
  const Writer writer({}, queue, database.db(), database.log().logger(), database.metrics());
  EXPECT_TRUE(wait_until([&] { return database.scalar("SELECT count(*) FROM spool_positions") == "1"; }));
  EXPECT_EQ(database.scalar("SELECT spool_id FROM spool_positions"), id_of(2)) << "what is on disk may come back";
}

// Readers look for events from first_received_at on, so no event may be older.
TEST_F(WriterTest, TheOlderOfTwoTransactionsMayCommitLast) {
  const auto older = batch({0}), newer = batch({1});
  pqxx::connection connection(database.url());
  pqxx::work holder(connection);
  holder.exec("INSERT INTO spool_positions VALUES ('" + id_of(1) + "', 1, true)");
  auto first = std::async(std::launch::async, [&] { return write(older, 0, 1, 1); });
  ASSERT_TRUE(wait_until([&] {
    return database.scalar(
               "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND "
               "wait_event_type = 'Lock'") == "1";
  }));
  ASSERT_TRUE(write(newer, 0, 1, 2));
  holder.abort();
  ASSERT_TRUE(first.get());
  EXPECT_EQ(steps(), "1,0");
  EXPECT_EQ(database.scalar("SELECT first_received_at = (SELECT min(received_at) FROM events) AND last_received_at = "
                            "(SELECT max(received_at) FROM events) FROM runs"),
            "t");
}

TEST_F(WriterTest, AClockStepBackHidesNothing) {
  const auto made = batch({0, 1});
  ASSERT_TRUE(write(made, 0, 1));
  database.exec("UPDATE events SET received_at = received_at + interval '1 hour'");
  database.exec("UPDATE runs SET first_received_at = first_received_at + interval '1 hour'");
  ASSERT_TRUE(write(made, 1, 2));
  EXPECT_EQ(database.scalar("SELECT count(*) FROM events JOIN runs USING (customer_id, run_id) "
                            "WHERE received_at >= first_received_at"),
            "2");
}

}  // namespace
}  // namespace dunetrace::ingest
