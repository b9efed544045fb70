#include "json/reader.hpp"

#include <gtest/gtest.h>

#include <random>

namespace dunetrace::json {
namespace {

using Kind = Value::Kind;

TEST(Reader, GettersNeverGuess) {
  Parser parser;
  const auto root = parser.parse(R"({"i":3,"f":3.0,"neg":-7,"s":"3","b":true,"n":null,"a":[1],"o":{}})");
  ASSERT_TRUE(root);
  EXPECT_EQ((*root)["i"].integer(), 3);
  EXPECT_EQ((*root)["f"].integer(), std::nullopt);
  EXPECT_EQ((*root)["f"].number(), 3.0);
  EXPECT_EQ((*root)["neg"].whole(), -7);
  EXPECT_EQ((*root)["s"].integer(), std::nullopt);
  EXPECT_EQ((*root)["s"].string(), "3");
  EXPECT_EQ((*root)["b"].integer(), std::nullopt);
  EXPECT_EQ((*root)["b"].boolean(), true);
  EXPECT_TRUE((*root)["n"].is_null());
  EXPECT_TRUE((*root)["absent"].missing());
  EXPECT_TRUE((*root)["i"]["deeper"].missing());
  EXPECT_EQ((*root)["a"].size(), 1U);
}

TEST(Reader, CutsRealsTowardsZero) {
  Parser parser;
  const auto root = parser.parse(R"([3.9,-3.9,1e300,18446744073709551615])");
  ASSERT_TRUE(root);
  std::vector<std::optional<std::int64_t>> seen;
  root->each_element([&](Value v) { seen.push_back(v.whole()); });
  EXPECT_EQ(seen, (std::vector<std::optional<std::int64_t>>{3, -3, std::nullopt, std::nullopt}));
}

TEST(Reader, TakesTheLastOfRepeatedMembers) {  // as jsonb does
  Parser parser;
  EXPECT_EQ((*parser.parse(R"({"a":1,"a":2})"))["a"].integer(), 2);
}

TEST(Reader, RefusesWhatIsNoJson) {
  Parser parser;
  for (const auto* text :
       {"", "  ", "{", "{\"a\":tru}", "[1,]", "{'a':1}", "nan", "01", "\"\xff\"", "[1] [2]", "{\"a\":1,}"}) {
    EXPECT_FALSE(parser.parse(text)) << text;
  }
}

TEST(Reader, RefusesNestingBombsAndStaysUsable) {
  Parser parser;
  const std::string bomb = std::string(200'000, '[') + std::string(200'000, ']');
  const auto refused = parser.parse(bomb);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().text.find("64"), std::string::npos);
  EXPECT_TRUE(parser.parse("[[1]]"));
}

TEST(Reader, ReadsLegalNumbersThatDoNotFitAsNull) {
  Parser parser;
  const auto root = parser.parse(R"({"big":123456789012345678901234567890,"huge":1e400,"ok":5,"text":"1e400"})");
  ASSERT_TRUE(root) << root.error().text;
  EXPECT_TRUE((*root)["big"].is_null());
  EXPECT_TRUE((*root)["huge"].is_null());
  EXPECT_EQ((*root)["ok"].integer(), 5);
  EXPECT_EQ((*root)["text"].string(), "1e400");
}

TEST(Reader, ReadsUnpairedSurrogatesAsReplacement) {
  Parser parser;
  const auto root = parser.parse(R"({"low":"a\udc00b","high":"\ud800","pair":"\ud83d\ude00"})");
  ASSERT_TRUE(root) << root.error().text;
  EXPECT_EQ((*root)["low"].string(),
            "a\xEF\xBF\xBD"
            "b");
  EXPECT_EQ((*root)["high"].string(), "\xEF\xBF\xBD");
  EXPECT_EQ((*root)["pair"].string(), "\xF0\x9F\x98\x80");
}

TEST(Reader, FollowsPointers) {
  Parser parser;
  const auto root = parser.parse(R"({"a":[{"b/c":1},{"d~e":"x"}],"":2})");
  ASSERT_TRUE(root);
  EXPECT_EQ(at_pointer(*root, "/a/0/b~1c")->integer(), 1);
  EXPECT_EQ(at_pointer(*root, "/a/1/d~0e")->string(), "x");
  EXPECT_EQ(at_pointer(*root, "/")->integer(), 2);
  EXPECT_TRUE(at_pointer(*root, "/a/2")->missing());
  EXPECT_TRUE(at_pointer(*root, "/a/00")->missing());
  EXPECT_FALSE(at_pointer(*root, "a"));
  EXPECT_EQ(at_pointer(*root, "")->kind(), Kind::object);
}

TEST(Reader, GivesTheClientsOwnBytes) {
  const std::string text =
      R"({"events":[{"payload":{"a":1.50,"b":"\u00e9"} },{"x":1},{"payload":[1]}],"agent":"payload"})";
  EXPECT_EQ(raw_members(text, "events", "payload"),
            (std::vector<std::string_view>{R"({"a":1.50,"b":"\u00e9"})", "", "[1]"}));
  EXPECT_EQ(raw_at(text, "/events/0/payload"), R"({"a":1.50,"b":"\u00e9"})");
  EXPECT_EQ(raw_at(text, "/nothing"), "");
}

TEST(Reader, TheTextOfARepeatedMemberIsTheLastOnesHoweverItsNameIsWritten) {
  const std::string text = R"({"a":1, "\u0061" : {"b":[0, 1.50 ],"b":[{"c":2}, 3.0e1]} })";
  EXPECT_EQ(raw_at(text, "/a"), R"({"b":[0, 1.50 ],"b":[{"c":2}, 3.0e1]})");
  EXPECT_EQ(raw_at(text, "/a/b/1"), "3.0e1");
  EXPECT_EQ(raw_at(text, "/a/b/01"), "");
  EXPECT_EQ(raw_at(text, "a"), "");
  EXPECT_EQ(raw_at(" [1] ", ""), "[1]");
}

TEST(Reader, TheTextOfWhatHadToBeRepairedIsAsItWasWritten) {
  const std::string text = R"({"\ud800":1,"n":-1e400,"s":"\ud800","m":[12345678901234567890123,{}]})";
  EXPECT_EQ(raw_at(text, "/n"), "-1e400");
  EXPECT_EQ(raw_at(text, "/s"), R"("\ud800")");
  EXPECT_EQ(raw_at(text, "/m/0"), "12345678901234567890123");
  EXPECT_EQ(raw_at(text, "/\xEF\xBF\xBD"), "1");
}

TEST(Reader, MembersBehindANameThatHasHalfASurrogateAreFound) {
  const std::string text = R"({"\ud800":1,"events":[{"payload":1,"\udc00":2,"payload":{"a":1.50}}]})";
  EXPECT_EQ(raw_members(text, "events", "payload"), (std::vector<std::string_view>{R"({"a":1.50})"}));
}

TEST(Reader, SurvivesRandomDamage) {
  const std::string good =
      R"({"api_key":"","agent_id":"a","events":[{"event_type":"tool.called","payload":{"n":[1,2.5,null,true,"\u0041"]}}]})";
  std::mt19937 random(7);
  Parser parser;
  int accepted = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string text = good;
    for (int change = 0; change < 3; ++change) text[random() % text.size()] = static_cast<char>(random() % 256);
    const auto root = parser.parse(text);
    if (!root) continue;
    ++accepted;
    static_cast<void>(raw_members(text, "events", "payload"));
    static_cast<void>(to_text(*root));
    static_cast<void>(storable(text));
  }
  EXPECT_GT(accepted, 100);  // the damage is mild enough that both ways are walked
}

}  // namespace
}  // namespace dunetrace::json
