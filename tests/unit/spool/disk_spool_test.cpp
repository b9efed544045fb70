// The disk spool while its disk is well: order, restarts, bounds, one process at a time.
#include "spool/disk_spool.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "batches.hpp"
#include "spool/spool_file.hpp"
#include "testing/wait.hpp"

namespace dunetrace::spool {
namespace {

using Ids = std::vector<std::string>;
using std::chrono::steady_clock;

TEST(DiskSpool, GivesBatchesInTheOrderOfArrival) {
  SpoolPlace place;
  const auto spool = place.open();
  for (const auto* id : {"a", "b", "c"}) ASSERT_EQ(append_now(*spool, make_batch(id, 10)), Append::accepted);
  EXPECT_EQ(spool->events(), 30u);
  EXPECT_TRUE(testing::wait_until([&] { return spool->events_in_memory() == 0; })) << "they are on the disk";
  EXPECT_EQ(ids(*spool, 25), (Ids{"a", "b"}));
  EXPECT_EQ(ids(*spool, 25), (Ids{"a", "b"})) << "what is not acknowledged is given again";
  EXPECT_EQ(drain(*spool, 25), (Ids{"a", "b", "c"}));
  EXPECT_EQ(spool->events(), 0u);
  EXPECT_EQ(spool->bytes(), 0u);
}

TEST(DiskSpool, PositionsCountEventsAndGrowThroughRestarts) {
  SpoolPlace place;
  std::uint64_t last = 0;
  std::string id;
  for (int start = 0; start < 4; ++start) {
    const auto spool = place.open();
    EXPECT_TRUE(start == 0 || spool->id() == id);
    id = spool->id();
    ASSERT_EQ(append_now(*spool, make_batch("a", 7)), Append::accepted);
    ASSERT_EQ(append_now(*spool, make_batch("b", 3)), Append::accepted);
    const auto group = spool->read(100, {}, steady_clock::now());
    ASSERT_EQ(group.entries.size(), 2u);
    EXPECT_GT(group.entries[0].position, last);
    EXPECT_EQ(group.entries[1].position, group.entries[0].position + 7);
    EXPECT_EQ(group.end, group.entries[1].position + 3);
    last = group.end;
    if (start % 2 == 0) spool->acknowledge(group.end);  // else it is there at the next start
    if (start == 1) {
      spool->finish();
      const auto again = place.open();
      EXPECT_EQ(drain(*again), (Ids{"a", "b"}));
    }
  }
}

TEST(DiskSpool, KeepsWhatWasNotAcknowledged) {
  SpoolPlace place;
  Ids expected;
  {
    const auto spool = place.open();
    for (int i = 0; i < 50; ++i) {
      ASSERT_EQ(append_now(*spool, make_batch(std::to_string(i), 5)), Append::accepted);
      if (i >= 20) expected.push_back(std::to_string(i));
    }
    const auto group = spool->read(100, {}, steady_clock::now());
    ASSERT_EQ(group.entries.size(), 20u);
    spool->acknowledge(group.end);
  }
  const auto spool = place.open();
  EXPECT_EQ(spool->events(), 150u);
  EXPECT_EQ(drain(*spool, 17), expected);
  EXPECT_FALSE(place.log.contains("spool.damaged"));
}

TEST(DiskSpool, KeepsOrderWhenMemoryIsTooSmall) {
  SpoolPlace place;
  const auto spool = place.open({.window_bytes = 2'000});
  Ids expected, found;
  const auto append = [&](int from, int to) {
    for (int i = from; i < to; ++i) {
      expected.push_back(std::to_string(i));
      ASSERT_EQ(append_now(*spool, make_batch(expected.back(), 3)), Append::accepted);
    }
  };
  const auto take = [&](std::size_t most) {
    const auto group = spool->read(most, {}, steady_clock::now());
    for (const auto& entry : group.entries) found.push_back(entry.batch->batch_id);
    spool->acknowledge(group.end);
  };
  append(0, 20);
  for (int round = 0; round < 12; ++round) {
    take(round % 2 == 0 ? 6 : 30);
    append(20 + 3 * round, 23 + 3 * round);
  }
  for (const auto& id : drain(*spool, 9)) found.push_back(id);
  EXPECT_EQ(found, expected);
}

TEST(DiskSpool, IsFullByBytesUntilSomethingIsAcknowledged) {
  SpoolPlace place;
  const auto spool = place.open({.max_bytes = 100'000});
  int accepted = 0;
  while (append_now(*spool, make_batch("a", 1, 0, 10'000)) == Append::accepted) ++accepted;
  EXPECT_EQ(accepted, 9);
  EXPECT_TRUE(spool->full());
  const auto group = spool->read(2, {}, steady_clock::now());
  spool->acknowledge(group.end);
  EXPECT_FALSE(spool->full());
  EXPECT_EQ(append_now(*spool, make_batch("b", 1, 0, 10'000)), Append::accepted);
}

TEST(DiskSpool, AnEmptyOneTakesABatchOfAnySize) {
  SpoolPlace place;
  const auto spool = place.open({.max_bytes = 100});
  EXPECT_EQ(append_now(*spool, make_batch("a", 10, 0, 1'000)), Append::accepted);
  EXPECT_EQ(append_now(*spool, make_batch("b", 1)), Append::full);
}

TEST(DiskSpool, LeavesTheDiskItsReserve) {
  SpoolPlace place;
  std::atomic<std::uint64_t> free = 0;
  const auto spool = place.open({.free_bytes = [&] { return free.load(); }});
  EXPECT_EQ(append_now(*spool, make_batch("a", 1)), Append::full);
  EXPECT_TRUE(spool->full());
  free = 1'000'000;
  EXPECT_EQ(append_now(*spool, make_batch("a", 1)), Append::accepted);
}

TEST(DiskSpool, GetsOffASmallDiskWhatItPutThereAndTakesMoreAgain) {
  constexpr std::uint64_t kDisk = 12'000'000, kUsable = kDisk / 20 * 19;  // as of a real one
  SpoolPlace place;
  const auto used = [&place] {
    std::uint64_t bytes = 0;
    for (const auto& file : files_of(place.file)) {
      std::error_code missing;
      const auto size = std::filesystem::file_size(file, missing);
      if (!missing) bytes += size;
    }
    return bytes;
  };
  const auto spool = place.open({.free_bytes = [&] { return kUsable - std::min(kUsable, used()); }});
  for (int round = 0; round < 3; ++round) {
    std::uint64_t taken = 0;
    const auto take = [&] {
      if (append_now(*spool, make_batch("a", 10, 0, 10'000)) != Append::accepted) return false;
      taken += 100'000;
      return true;
    };
    // A refusal may be the one that makes room.
    while (take() || dunetrace::testing::wait_until(take, std::chrono::milliseconds(200))) EXPECT_LE(used(), kDisk);
    EXPECT_GT(taken, kDisk / 3) << "round " << round;
    EXPECT_FALSE(drain(*spool).empty());
    EXPECT_TRUE(dunetrace::testing::wait_until([&] { return !spool->full(); })) << "round " << round;
  }
}

TEST(DiskSpool, OverwritesALogOfZerosAndFindsWhatIsInIt) {
  constexpr std::uint64_t kLog = 2 * 1024 * 1024;
  SpoolPlace place, copied;
  const auto spool = place.open({.log_bytes = kLog});
  const auto log = files_of(place.file)[1];
  ASSERT_EQ(std::filesystem::file_size(log), kLog);
  Ids expected;
  for (int i = 0; i < 50; ++i) {
    expected.push_back("b" + std::to_string(i));
    ASSERT_EQ(append_now(*spool, make_batch(expected.back(), 10)), Append::accepted);
  }
  EXPECT_EQ(std::filesystem::file_size(log), kLog);
  for (std::size_t i = 0; i < 2; ++i) {  // what a killed process leaves; a start makes the third file anew
    std::filesystem::create_directories(copied.file.parent_path());
    std::filesystem::copy_file(files_of(place.file)[i], files_of(copied.file)[i]);
  }
  EXPECT_EQ(drain(*copied.open({.log_bytes = kLog})), expected);
  EXPECT_EQ(drain(*spool), expected);
}

TEST(DiskSpool, RemovesWhatIsAcknowledgedFromTheFile) {
  SpoolPlace place;
  const auto spool = place.open();
  for (int round = 0; round < 40; ++round) {
    for (int i = 0; i < 5; ++i) ASSERT_EQ(append_now(*spool, make_batch("a", 10, 0, 10'000)), Append::accepted);
    ASSERT_EQ(drain(*spool).size(), 5u);
  }
  // 20 MB went through it.
  EXPECT_TRUE(dunetrace::testing::wait_until([&] { return inspect(place.file).value().rows.empty(); }));
  EXPECT_LT(std::filesystem::file_size(place.file), 15'000'000u);
}

TEST(DiskSpool, RemovesALittleWithoutWaitingForMore) {
  SpoolPlace place;
  { ASSERT_EQ(append_now(*place.open(), make_batch("a", 1)), Append::accepted); }
  const auto spool = place.open();
  ASSERT_EQ(drain(*spool).size(), 1u);  // and nothing is appended after it
  EXPECT_TRUE(dunetrace::testing::wait_until([&] { return inspect(place.file).value().rows.empty(); }));
}

TEST(DiskSpool, BelongsToOneProcessAtATime) {
  SpoolPlace place;
  const auto spool = place.open();
  const auto second = place.try_open();
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::conflict);
  EXPECT_EQ(second.error().text,
            (place.dir / "spool/ingest.lock").string() + ": in use by process " + std::to_string(::getpid()));
  spool->finish();
  EXPECT_TRUE(place.try_open());
}

TEST(DiskSpool, ClosedRefusesAndCanStillBeRead) {
  SpoolPlace place;
  const auto spool = place.open();
  ASSERT_EQ(append_now(*spool, make_batch("a", 1)), Append::accepted);
  spool->close();
  EXPECT_EQ(append_now(*spool, make_batch("b", 1)), Append::closed);
  EXPECT_FALSE(spool->wait_drained(std::chrono::milliseconds(0)));
  EXPECT_EQ(drain(*spool), Ids{"a"});
  EXPECT_TRUE(spool->wait_drained(std::chrono::milliseconds(0)));
}

TEST(DiskSpool, AnswersEverybodyBeforeItEnds) {
  SpoolPlace place;
  std::atomic<int> accepted = 0, closed = 0;
  {
    const auto spool = place.open();
    std::vector<std::jthread> clients;
    for (int c = 0; c < 4; ++c) {
      clients.emplace_back([&] {
        for (int i = 0; i < 200; ++i) {
          spool->append(make_batch("a", 2), [&](Append how) { ++(how == Append::accepted ? accepted : closed); });
        }
      });
    }
    ASSERT_TRUE(dunetrace::testing::wait_until([&] { return accepted > 50; }));
    spool->finish();
  }
  EXPECT_EQ(accepted + closed, 800);
  EXPECT_EQ(place.open()->events(), static_cast<std::size_t>(2 * accepted));
}

TEST(DiskSpool, LosesNothingBetweenManyWritersAndOneReader) {
  constexpr int kWriters = 4, kEach = 300;
  SpoolPlace place;
  const auto spool = place.open({.waiting_events = 64, .window_bytes = 4'000});
  std::vector<std::jthread> writers;
  for (int w = 0; w < kWriters; ++w) {
    writers.emplace_back([&spool, w] {
      for (int i = 0; i < kEach; ++i) {
        const auto id = std::to_string(w) + ":" + std::to_string(i);
        while (append_now(*spool, make_batch(id, 1)) != Append::accepted) std::this_thread::yield();
      }
    });
  }
  std::vector<int> next(kWriters, 0);
  std::uint64_t position = 0;
  for (int total = 0; total < kWriters * kEach;) {
    const auto group = spool->read(10, {}, steady_clock::now() + std::chrono::minutes(1));
    ASSERT_FALSE(group.entries.empty());
    for (const auto& one : group.entries) {
      const auto w = static_cast<std::size_t>(one.batch->batch_id[0] - '0');
      EXPECT_EQ(one.batch->batch_id, std::to_string(w) + ":" + std::to_string(next[w]++));
      EXPECT_GT(one.position, position);
      position = one.position;
      ++total;
    }
    spool->acknowledge(group.end);
  }
}

}  // namespace
}  // namespace dunetrace::spool
