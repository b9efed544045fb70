// What request bodies may take together: nothing is counted twice, nothing stays behind.
#include "http/byte_budget.hpp"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace dunetrace::http {
namespace {

constexpr std::size_t kMiB = 1024 * 1024;

TEST(ByteBudget, GivesUpToItsLimitAndTakesBack) {
  const auto budget = std::make_shared<ByteBudget>(8 * kMiB);
  ByteBudget::Share a(budget);
  ByteBudget::Share b(budget);
  EXPECT_TRUE(a.resize(5 * kMiB));
  EXPECT_FALSE(b.resize(3 * kMiB));
  EXPECT_EQ(b.bytes(), 0U) << "a refusal changes nothing";
  EXPECT_TRUE(a.resize(kMiB));
  EXPECT_TRUE(b.resize(3 * kMiB));
  EXPECT_EQ(budget->used(), 4 * kMiB);
  a.release();
  a.release();
  EXPECT_EQ(budget->used(), 3 * kMiB);
}

TEST(ByteBudget, KeepsTheLastEighthForSmallBodies) {
  const auto budget = std::make_shared<ByteBudget>(8 * kMiB);
  ByteBudget::Share large(budget);
  ByteBudget::Share small(budget);
  EXPECT_FALSE(large.resize(7 * kMiB + 1));
  EXPECT_TRUE(large.resize(7 * kMiB));
  EXPECT_TRUE(small.resize(64 * 1024));
  EXPECT_FALSE(small.resize(64 * 1024 + 1));
}

TEST(ByteBudget, SharesEndAndMoveWithoutALeak) {
  const auto budget = std::make_shared<ByteBudget>(kMiB);
  {
    ByteBudget::Share first(budget);
    ASSERT_TRUE(first.resize(1000));
    auto request = first.take_all();
    EXPECT_EQ(first.bytes(), 0U);
    EXPECT_TRUE(first.resize(10)) << "the connection goes on";
    ByteBudget::Share other(budget);
    ASSERT_TRUE(other.resize(100));
    other = std::move(request);
    EXPECT_EQ(budget->used(), 1010U);
  }
  EXPECT_EQ(budget->used(), 0U);
  ByteBudget::Share of_nothing;
  EXPECT_TRUE(of_nothing.resize(0));
  EXPECT_FALSE(of_nothing.resize(1));
}

TEST(ByteBudget, CountsRightFromManyThreads) {
  const auto budget = std::make_shared<ByteBudget>(10'000);
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&] {
        for (std::size_t i = 0; i < 5'000; ++i) {
          ByteBudget::Share share(budget);
          static_cast<void>(share.resize(i));
          EXPECT_LE(budget->used(), 10'000U);
          const auto moved = share.take_all();
        }
      });
    }
  }
  EXPECT_EQ(budget->used(), 0U);
}

}  // namespace
}  // namespace dunetrace::http
