// Which batches the reader finds in memory, and which it has to read from the file.
#include "spool/backlog.hpp"

#include <gtest/gtest.h>

#include "batches.hpp"

namespace dunetrace::spool {
namespace {

constexpr std::size_t kBatchBytes = 100;

class BacklogTest : public ::testing::Test {
 protected:
  void add() {
    auto batch = make_batch("b", 1);
    batch.bytes = kBatchBytes;
    backlog.add({position++, kBatchBytes, 1.0, 1}, std::make_shared<const AcceptedBatch>(std::move(batch)));
  }
  // Reads and acknowledges up to `events`; whether they came from memory.
  bool read(std::size_t events) {
    const auto next = backlog.next(events);
    backlog.remove_before(next.group.end);
    return next.from == next.to;
  }

  std::uint64_t position = 0;
  Backlog backlog{{}, 10 * kBatchBytes};
};

TEST_F(BacklogTest, WhatFitsIsInMemory) {
  for (int i = 0; i < 10; ++i) add();
  EXPECT_TRUE(read(10));
  EXPECT_TRUE(backlog.empty());
}

TEST_F(BacklogTest, WhatDoesNotFitIsReadFromTheFile) {
  for (int i = 0; i < 30; ++i) add();
  EXPECT_TRUE(read(100));
  EXPECT_FALSE(read(100));
  EXPECT_TRUE(backlog.empty());
}

TEST_F(BacklogTest, AReaderThatIsALittleBehindComesBackToMemory) {
  for (int i = 0; i < 14; ++i) add();
  EXPECT_TRUE(read(100));  // the window; four are in the file only
  add();                   // goes to memory, though the reader has not caught up
  EXPECT_FALSE(read(2));   // and it never does: one comes for each that is read
  add();
  EXPECT_FALSE(read(2));
  add();
  EXPECT_TRUE(read(100));
  EXPECT_TRUE(backlog.empty());
}

TEST_F(BacklogTest, AReaderThatIsFarBehindLeavesTheMemoryEmpty) {
  for (int i = 0; i < 100; ++i) add();
  EXPECT_TRUE(read(100));  // the window
  add();
  EXPECT_FALSE(read(91));  // with the one that came last
  EXPECT_TRUE(backlog.empty());
}

}  // namespace
}  // namespace dunetrace::spool
