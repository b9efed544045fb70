#include "core/turns.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace dunetrace {
namespace {

TEST(Turns, AreOfOneThreadAndInheritedByThoseItMakes) {
  if (turns().count() == 0) GTEST_SKIP() << "this kernel does not say how long turns are (Linux 6.12 does)";
  const auto before = turns();
  std::chrono::nanoseconds chosen{}, of_child{}, of_later_child{};
  std::jthread([&] {
    EXPECT_TRUE(take_turns(kLongTurns));
    chosen = turns();
    {
      const TurnsOfNewThreads soon(kShortTurns);
      std::jthread([&] { of_child = turns(); }).join();
    }
    std::jthread([&] { of_later_child = turns(); }).join();
  }).join();
  EXPECT_EQ(chosen, kLongTurns);
  EXPECT_EQ(of_child, kShortTurns);
  EXPECT_EQ(of_later_child, kLongTurns);
  EXPECT_EQ(turns(), before);
}

}  // namespace
}  // namespace dunetrace
