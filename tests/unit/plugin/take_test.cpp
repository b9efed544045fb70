#include "plugin/take.hpp"

#include <gtest/gtest.h>

#include <array>

namespace dunetrace::plugin {
namespace {

struct Old {
  std::uint32_t struct_size;
  std::uint32_t a;
};
struct New {
  std::uint32_t struct_size;
  std::uint32_t a;
  std::uint64_t b;
};

TEST(Take, ZeroesTheTailAnOlderSideDoesNotHave) {
  const Old theirs{sizeof(Old), 7};
  New mine{0, 0, 99};
  ASSERT_TRUE(take(&theirs, mine, sizeof(Old)));
  EXPECT_EQ(mine.a, 7U);
  EXPECT_EQ(mine.b, 0U);
}

TEST(Take, IgnoresTheTailANewerSideHas) {
  const New theirs{sizeof(New), 7, 99};
  Old mine{};
  ASSERT_TRUE(take(&theirs, mine, sizeof(Old)));
  EXPECT_EQ(mine.a, 7U);
}

TEST(Take, RefusesTooSmallAbsurdAndNothing) {
  New mine{};
  const Old small{4, 7};
  EXPECT_FALSE(take(&small, mine, sizeof(Old)));
  const Old absurd{0xFFFFFFFF, 7};
  EXPECT_FALSE(take(&absurd, mine, sizeof(Old)));
  EXPECT_FALSE(take(nullptr, mine, sizeof(Old)));
}

TEST(Take, WalksByTheGivenStride) {
  std::array<unsigned char, 64> table{};
  table[40] = 5;
  EXPECT_EQ(*static_cast<const unsigned char*>(element(table.data(), 20, 2)), 5);
}

}  // namespace
}  // namespace dunetrace::plugin
