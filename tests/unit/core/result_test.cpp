#include "core/result.hpp"

#include <gtest/gtest.h>

namespace dunetrace {
namespace {

Result<int> half(int n) {
  if (n % 2 != 0) return fail(Code::invalid_argument, "odd");
  return n / 2;
}

Result<int> quarter(int n) {
  DUNE_TRY(once, half(n));
  DUNE_TRY(twice, half(once));
  return twice;
}

Result<> check(int n) {
  DUNE_TRY_VOID(half(n));
  return {};
}

TEST(Result, TryReturnsTheFirstErrorUnchanged) {
  EXPECT_EQ(*quarter(8), 2);
  EXPECT_EQ(quarter(6).error().text, "odd");
  EXPECT_TRUE(check(2));
  EXPECT_EQ(check(3).error().code, Code::invalid_argument);
}

TEST(Result, ErrorSaysWhere) {
  EXPECT_EQ((Error{Code::conflict, "port in use"}.in("ingest").text), "ingest: port in use");
}

TEST(ResultDeathTest, BrokenInvariantEndsTheProcess) {
  EXPECT_DEATH(DUNE_CHECK(1 + 1 == 3, "arithmetic holds"), "arithmetic holds");
}

}  // namespace
}  // namespace dunetrace
