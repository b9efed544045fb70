#include "core/hash.hpp"

#include <gtest/gtest.h>

#include <set>

#include "core/ids.hpp"

namespace dunetrace {
namespace {

TEST(Hash, GivesTheValuesOfTheWireProtocol) {  // spec/wire.md 6
  EXPECT_EQ(hash16("hello"), "2cf24dba5fb0a30e");
  EXPECT_EQ(hash16(""), "e3b0c44298fc1c14");
  EXPECT_EQ(hash16("{}"), "44136fa355b3678a");
  EXPECT_EQ(hash16("{'query': 'x'}"), "e67264c4802a13d9");
  EXPECT_EQ(hash16(R"({"query":"x"})"), "3b7b5a17b6341261");
  EXPECT_EQ(sha256_hex(":unknown:[]").substr(0, 8), "4cf70175");
}

TEST(Hash, ComparesWholeTexts) {
  EXPECT_TRUE(equal_constant_time("abc", "abc"));
  EXPECT_FALSE(equal_constant_time("abc", "abd"));
  EXPECT_FALSE(equal_constant_time("abc", "ab"));
}

TEST(Ids, AreVersion4UuidsAndDiffer) {
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    const auto id = new_uuid();
    ASSERT_EQ(id.size(), 36U);
    EXPECT_EQ(id[14], '4');
    EXPECT_NE(std::string("89ab").find(id[19]), std::string::npos) << id;
    EXPECT_TRUE(seen.insert(id).second);
  }
}

TEST(Ids, RandomHexHasTwoDigitsPerByte) {
  EXPECT_EQ(random_hex(32).size(), 64U);
  EXPECT_NE(random_hex(32), random_hex(32));
}

}  // namespace
}  // namespace dunetrace
