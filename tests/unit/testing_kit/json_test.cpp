#include <gtest/gtest.h>
#include <dunetrace/testing/json.hpp>

namespace dunetrace::testing {
namespace {

std::string written(void (*fill)(dune_json*)) {
  JsonSink sink;
  fill(sink.table());
  return sink.complete() ? sink.text() : "incomplete";
}

TEST(KitJson, WritesAsTheHostDoes) {
  EXPECT_EQ(written([](dune_json* j) {
              j->begin_object(j);
              j->key(j, lit("text"));
              j->str(j, str(std::string_view("a\"\\\n\x01\0z\xFF\xC3\xA9", 10)));
              j->key(j, lit("numbers"));
              j->begin_array(j);
              j->i64(j, -3);
              j->f64(j, 3.0);
              j->f64(j, 0.7667);
              j->f64(j, 1e300);
              j->f64(j, std::nan(""));
              j->end_array(j);
              j->key(j, lit("absent"));
              j->str(j, {nullptr, 0});
              j->key(j, lit("raw"));
              j->raw(j, lit("{\"x\":true}"));
              j->end_object(j);
            }),
            "{\"text\":\"a\\\"\\\\\\n\\u0001z\xEF\xBF\xBD\xC3\xA9\",\"numbers\":[-3,3.0,0.7667,1e+300,null],"
            "\"absent\":null,\"raw\":{\"x\":true}}");
}

TEST(KitJson, MisuseSticks) {
  EXPECT_EQ(written([](dune_json* j) { j->begin_object(j), j->i64(j, 1), j->end_object(j); }), "incomplete");
  EXPECT_EQ(written([](dune_json* j) { j->begin_object(j), j->key(j, lit("a")), j->end_object(j); }), "incomplete");
  EXPECT_EQ(written([](dune_json* j) { j->begin_array(j), j->end_object(j); }), "incomplete");
  EXPECT_EQ(written([](dune_json* j) { j->i64(j, 1), j->i64(j, 2); }), "incomplete");
  EXPECT_EQ(written([](dune_json* j) { j->begin_array(j); }), "incomplete");
}

TEST(KitJson, ReadsAndLooksInside) {
  const auto json = Json::parse(R"( {"a":[1,-2.5e1,"x\u00e9\ud83d\ude00\ud800","\/"],"b/c":{"~d":null},"a2":true} )");
  ASSERT_TRUE(json);
  EXPECT_EQ((*json)["a"][0], 1);
  EXPECT_EQ((*json)["a"][1], -25.0);
  EXPECT_EQ((*json)["a"][2], "x\u00e9\U0001F600\uFFFD");
  EXPECT_EQ(*json->at("/b~1c/~0d"), nullptr);
  EXPECT_EQ((*json)["a2"], true);
  EXPECT_NE((*json)["a2"], 1);
  EXPECT_TRUE((*json)["none"]["deeper"].missing());
  EXPECT_TRUE(json->at("/a/9")->missing());
  EXPECT_EQ(json->at("a"), nullptr);
  EXPECT_EQ(json->at("/b~2"), nullptr);
  EXPECT_EQ(json->at("")->type(), Json::Type::object);
  EXPECT_EQ(Json::parse(R"({"a":1,"a":2})")->operator[]("a"), 2);
  EXPECT_EQ((*json)["a"].size(), 4U);
}

TEST(KitJson, RefusesWhatIsNoJson) {
  for (const char* text : {"", "{", "[1,]", "{\"a\"}", "{a:1}", "01", "1.", "\"\n\"", "\"\\x\"", "nul", "1 2", "-",
                           "[1 2]", "\"\\u12\"", "\"open"}) {
    EXPECT_FALSE(Json::parse(text)) << text;
  }
  EXPECT_TRUE(Json::parse(std::string(60, '[') + std::string(60, ']')));
  EXPECT_FALSE(Json::parse(std::string(70, '[') + std::string(70, ']')));
}

TEST(KitJson, LargeIntegersStayNumbers) {
  EXPECT_EQ(*Json::parse("9223372036854775807")->integer(), INT64_MAX);
  EXPECT_EQ(Json::parse("9223372036854775808")->type(), Json::Type::real);
}

}  // namespace
}  // namespace dunetrace::testing
