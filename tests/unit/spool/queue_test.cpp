#include "spool/queue.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace dunetrace::spool {
namespace {

using std::chrono::steady_clock;

AcceptedBatch batch(std::string id, std::size_t events, std::size_t bytes = 10) {
  AcceptedBatch made;
  made.batch_id = std::move(id);
  made.events.resize(events);
  made.bytes = bytes;
  return made;
}

Append append(Queue& queue, AcceptedBatch one) {
  auto how = Append::failed;
  queue.append(std::move(one), [&](Append result) { how = result; });
  return how;
}

ReadGroup read_now(Queue& queue, std::size_t most = 100) { return queue.read(most, {}, steady_clock::now()); }

TEST(Queue, GivesBatchesInTheOrderOfArrival) {
  Queue queue({.events = 100});
  for (const auto* id : {"a", "b", "c"}) ASSERT_EQ(append(queue, batch(id, 10)), Append::accepted);
  const auto group = read_now(queue, 25);
  ASSERT_EQ(group.entries.size(), 2u);
  EXPECT_EQ(group.entries[0].batch->batch_id, "a");
  EXPECT_EQ(group.entries[1].batch->batch_id, "b");
  queue.acknowledge(group.end);
  EXPECT_EQ(read_now(queue).entries.at(0).batch->batch_id, "c");
}

TEST(Queue, KeepsWhatIsNotAcknowledged) {
  Queue queue({.events = 100});
  ASSERT_EQ(append(queue, batch("a", 10)), Append::accepted);
  EXPECT_EQ(read_now(queue).entries.size(), 1u);
  EXPECT_EQ(read_now(queue).entries.size(), 1u);
  EXPECT_EQ(queue.events(), 10u);
  EXPECT_EQ(queue.events_in_memory(), 10u);
  queue.acknowledge(read_now(queue).end);
  EXPECT_EQ(queue.events(), 0u);
  EXPECT_TRUE(read_now(queue).entries.empty());
}

TEST(Queue, IsFullByEventsOrBytes) {
  Queue by_events({.events = 20, .bytes = 1000});
  EXPECT_EQ(append(by_events, batch("a", 20)), Append::accepted);
  EXPECT_EQ(append(by_events, batch("b", 1)), Append::full);
  by_events.acknowledge(read_now(by_events).end);
  EXPECT_EQ(append(by_events, batch("b", 1)), Append::accepted);
  Queue by_bytes({.events = 20, .bytes = 1000});
  EXPECT_EQ(append(by_bytes, batch("a", 1, 600)), Append::accepted);
  EXPECT_EQ(append(by_bytes, batch("b", 1, 600)), Append::full);
}

TEST(Queue, AnEmptyOneTakesABatchOfAnySize) {
  Queue queue({.events = 5, .bytes = 5});
  EXPECT_EQ(append(queue, batch("a", 10, 10)), Append::accepted);
  EXPECT_EQ(read_now(queue, 1).entries.size(), 1u);
}

TEST(Queue, ClosedRefusesAndCanStillBeRead) {
  Queue queue({});
  ASSERT_EQ(append(queue, batch("a", 1)), Append::accepted);
  queue.close();
  EXPECT_EQ(append(queue, batch("b", 1)), Append::closed);
  EXPECT_FALSE(queue.wait_drained(std::chrono::milliseconds(0)));
  const auto group = read_now(queue);
  EXPECT_EQ(group.entries.size(), 1u);
  queue.acknowledge(group.end);
  EXPECT_TRUE(queue.wait_drained(std::chrono::milliseconds(0)));
}

TEST(Queue, WakesTheReaderForABatchForTheCloseAndForTheStop) {
  const auto far = steady_clock::now() + std::chrono::minutes(5);
  {
    Queue queue({});
    std::jthread writer([&] { EXPECT_EQ(append(queue, batch("a", 1)), Append::accepted); });
    EXPECT_EQ(queue.read(10, {}, far).entries.size(), 1u);
  }
  {
    Queue queue({});
    std::jthread closer([&] { queue.close(); });
    EXPECT_TRUE(queue.read(10, {}, far).entries.empty());
  }
  {
    Queue queue({});
    std::stop_source stop;
    std::jthread stopper([&] { stop.request_stop(); });
    EXPECT_TRUE(queue.read(10, stop.get_token(), far).entries.empty());
  }
}

TEST(Queue, LosesNothingBetweenManyWritersAndOneReader) {
  constexpr int kWriters = 4, kEach = 500;
  Queue queue({.events = 64});
  std::vector<std::jthread> writers;
  for (int w = 0; w < kWriters; ++w) {
    writers.emplace_back([&queue, w] {
      for (int i = 0; i < kEach; ++i) {
        while (append(queue, batch(std::to_string(w) + ":" + std::to_string(i), 1)) != Append::accepted)
          std::this_thread::yield();
      }
    });
  }
  std::vector<int> next(kWriters, 0);
  for (int total = 0; total < kWriters * kEach;) {
    const auto group = queue.read(10, {}, steady_clock::now() + std::chrono::minutes(1));
    ASSERT_FALSE(group.entries.empty());
    for (const auto& one : group.entries) {
      const auto w = static_cast<std::size_t>(one.batch->batch_id[0] - '0');
      EXPECT_EQ(one.batch->batch_id, std::to_string(w) + ":" + std::to_string(next[w]++));
      ++total;
    }
    queue.acknowledge(group.end);
  }
}

}  // namespace
}  // namespace dunetrace::spool
