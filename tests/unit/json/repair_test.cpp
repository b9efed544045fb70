#include "json/repair.hpp"

#include <gtest/gtest.h>

#include "json/reader.hpp"

namespace dunetrace::json {
namespace {

TEST(Storable, LeavesWhatJsonbTakes) {
  EXPECT_EQ(storable(R"({"a":"b","n":1e400})"), std::nullopt);
  EXPECT_EQ(storable(R"({"a":"\u00e9\ud83d\ude00"})"), std::nullopt);
  EXPECT_EQ(storable(R"({"a":"\\u0000"})"), std::nullopt) << "an escaped backslash, no escape of zero";
}

TEST(Storable, RemovesZeroAndReplacesHalvesOfPairs) {
  EXPECT_EQ(storable(R"({"a":"x\u0000y"})"), R"({"a":"xy"})");
  EXPECT_EQ(storable(R"({"a\u0000":"\\\u0000"})"), R"({"a":"\\"})");
  EXPECT_EQ(storable(R"(["\ud800","\udc00","\ud83d\ude00"])"), R"(["\ufffd","\ufffd","\ud83d\ude00"])");
}

TEST(Storable, BoundsWhatTheDatabaseWouldWriteOut) {  // "1e400" is read back as 401 digits
  std::string many = "[";
  for (int i = 0; i < 10'000; ++i) many += "1e300,";
  many += "1]";
  const auto kept = storable(many);
  ASSERT_TRUE(kept);
  std::size_t left = 0;
  for (std::size_t at = kept->find("1e300"); at != std::string::npos; at = kept->find("1e300", at + 1)) ++left;
  EXPECT_EQ(left, 64U * 1024 / 300);
  EXPECT_EQ(storable(R"([1e300,2.5e-30,"1e400"])"), std::nullopt) << "what people send stays as it is";
}

TEST(RepairedForParsing, KeepsTheLength) {
  const std::string text = R"({"a":1e999,"b":"1e999","c":-99999999999999999999999,"d":"\ud800"})";
  const auto repaired = repaired_for_parsing(text);
  ASSERT_TRUE(repaired);
  EXPECT_EQ(repaired->size(), text.size());
  EXPECT_EQ(*repaired, R"({"a":null ,"b":"1e999","c":null                    ,"d":"\ufffd"})");
  EXPECT_EQ(repaired_for_parsing(R"({"a":1e300})"), std::nullopt);
}

}  // namespace
}  // namespace dunetrace::json
