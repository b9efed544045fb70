#include "core/gate.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace dunetrace {
namespace {

using namespace std::chrono_literals;

TEST(Gate, RefusesNewcomersOnceClosed) {
  Gate gate;
  { EXPECT_TRUE(gate.enter()); }
  EXPECT_TRUE(gate.close(0ms));
  EXPECT_FALSE(gate.enter());
}

TEST(Gate, ReportsThatSomebodyStayed) {
  Gate gate;
  auto pass = gate.enter();
  EXPECT_FALSE(gate.close(1ms));
  EXPECT_EQ(gate.inside(), 1U);
}

TEST(Gate, WaitsForThoseInside) {
  Gate gate;
  std::atomic<bool> left = false;
  auto pass = gate.enter();
  std::jthread worker([&left, pass = std::move(pass)]() mutable {
    left = true;
    pass = Gate::Pass();
  });
  EXPECT_TRUE(gate.close(10s));
  EXPECT_TRUE(left);
}

}  // namespace
}  // namespace dunetrace
