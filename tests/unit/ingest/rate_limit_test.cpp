#include "ingest/rate_limit.hpp"

#include <gtest/gtest.h>

#include "testing/fake_clock.hpp"

namespace dunetrace::ingest {
namespace {

using namespace std::chrono_literals;
using dunetrace::testing::FakeClock;

TEST(RateLimit, IsOffByDefault) {
  const FakeClock clock;
  RateLimit limit(0, clock);
  for (int i = 0; i < 10'000; ++i) ASSERT_FALSE(limit.refuse("a"));
}

TEST(RateLimit, CountsEachBucketInARollingMinute) {
  FakeClock clock;
  RateLimit limit(2, clock);
  EXPECT_FALSE(limit.refuse("a"));
  clock.advance(30s);
  EXPECT_FALSE(limit.refuse("a"));
  EXPECT_EQ(limit.refuse("a"), 30);
  EXPECT_FALSE(limit.refuse("b"));
  clock.advance(29s);
  EXPECT_EQ(limit.refuse("a"), 1);
  clock.advance(1s);
  EXPECT_FALSE(limit.refuse("a"));  // the first one has left the window
  EXPECT_EQ(limit.refuse("a"), 30);
}

TEST(RateLimit, RefusedRequestsDoNotCount) {
  FakeClock clock;
  RateLimit limit(1, clock);
  EXPECT_FALSE(limit.refuse("a"));
  for (int i = 0; i < 60; ++i) {
    EXPECT_EQ(limit.refuse("a"), 60 - i);
    clock.advance(1s);
  }
  EXPECT_FALSE(limit.refuse("a"));
}

TEST(RateLimit, ForgetsAfterALongPause) {
  FakeClock clock;
  RateLimit limit(3, clock);
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(limit.refuse("a"));
  clock.advance(std::chrono::hours(30));
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(limit.refuse("a"));
  EXPECT_TRUE(limit.refuse("a"));
}

}  // namespace
}  // namespace dunetrace::ingest
