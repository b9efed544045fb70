#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "testing/postgres.hpp"

namespace dunetrace::store {
namespace {

TEST(Smoke, Works) {
  dunetrace::testing::TestDatabase d;
  auto r = d.db().ping();
  EXPECT_TRUE(r) << r.error().text;
  EXPECT_EQ(d.scalar("select count(*) from runs"), "0");
}

}  // namespace
}  // namespace dunetrace::store
