// Query parameters: what is taken, and the shape of the refusal.
#include "api/params.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/auth.hpp"
#include "json/reader.hpp"

namespace dunetrace::api {
namespace {

http::Request request_with(std::vector<std::pair<std::string, std::string>> query) {
  http::Request request;
  request.query = std::move(query);
  return request;
}

Options options() {
  Options options;
  options.page_size_default = 50;
  options.page_size_max = 500;
  return options;
}

TEST(QueryPage, HasDefaults) {
  const auto request = request_with({});
  QueryReader query(request);
  const auto page = query.page(options());
  EXPECT_EQ(page.offset, 0);
  EXPECT_EQ(page.limit, 50);
  EXPECT_FALSE(query.refusal());
}

TEST(QueryPage, TakesTheEdges) {
  for (const auto& [offset, limit] : std::vector<std::pair<std::string, std::string>>{
           {"0", "1"}, {"0", "500"}, {"9223372036854775807", "50"}, {" 7 ", "+9"}}) {
    const auto request = request_with({{"offset", offset}, {"limit", limit}});
    QueryReader query(request);
    const auto page = query.page(options());
    EXPECT_FALSE(query.refusal()) << offset << " " << limit;
    EXPECT_EQ(page.offset, std::stoll(offset));
    EXPECT_EQ(page.limit, std::stoll(limit));
  }
}

TEST(QueryPage, TheLastOfRepeatsCounts) {
  const auto request = request_with({{"limit", "x"}, {"limit", "3"}});
  QueryReader query(request);
  EXPECT_EQ(query.page(options()).limit, 3);
  EXPECT_FALSE(query.refusal());
}

struct Refused {
  const char* name;
  const char* value;
  const char* type;
};

class QueryRefusal : public ::testing::TestWithParam<Refused> {};

TEST_P(QueryRefusal, NamesTypePlaceAndInput) {
  const auto request = request_with({{GetParam().name, GetParam().value}});
  QueryReader query(request);
  (void)query.page(options());
  (void)query.boolean("has_signals");
  const auto refusal = query.refusal();
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->status, 422);
  json::Parser parser;
  const auto root = parser.parse(refusal->body);
  ASSERT_TRUE(root) << refusal->body;
  const auto detail = (*root)["detail"];
  ASSERT_EQ(detail.size(), 1U) << refusal->body;
  detail.each_element([&](json::Value problem) {
    EXPECT_EQ(problem["type"].string(), GetParam().type);
    EXPECT_EQ(json::to_text(problem["loc"]), std::string(R"(["query",")") + GetParam().name + "\"]");
    EXPECT_FALSE(problem["msg"].string().value_or("").empty());
    EXPECT_EQ(problem["input"].string(), GetParam().value);
  });
}

INSTANTIATE_TEST_SUITE_P(
    All, QueryRefusal,
    ::testing::Values(Refused{"limit", "0", "greater_than_equal"}, Refused{"limit", "501", "less_than_equal"},
                      Refused{"limit", "-1", "greater_than_equal"}, Refused{"offset", "-1", "greater_than_equal"},
                      Refused{"limit", "ten", "int_parsing"}, Refused{"limit", "", "int_parsing"},
                      Refused{"limit", "1.5", "int_parsing"}, Refused{"limit", "5x", "int_parsing"},
                      Refused{"limit", "+-5", "int_parsing"}, Refused{"offset", "+", "int_parsing"},
                      Refused{"offset", "9223372036854775808", "int_parsing_size"},
                      Refused{"has_signals", "maybe", "bool_parsing"}, Refused{"has_signals", "", "bool_parsing"}));

TEST(QueryRefusal, CollectsEveryProblemAndItsBound) {
  const auto request = request_with({{"offset", "-3"}, {"limit", "501"}, {"has_signals", "2"}});
  QueryReader query(request);
  (void)query.page(options());
  (void)query.boolean("has_signals");
  const auto refusal = query.refusal();
  ASSERT_TRUE(refusal);
  json::Parser parser;
  const auto root = parser.parse(refusal->body);
  ASSERT_TRUE(root);
  std::vector<std::string> bounds;
  (*root)["detail"].each_element([&](json::Value problem) { bounds.push_back(json::to_text(problem["ctx"])); });
  ASSERT_EQ(bounds.size(), 3U);
  EXPECT_EQ(bounds[0], R"({"ge":0})");
  EXPECT_EQ(bounds[1], R"({"le":500})");
}

TEST(QueryBoolean, TakesWhatClientsSend) {
  for (const char* yes : {"true", "True", "TRUE", "1", "yes", "on", "t", "Y"}) {
    const auto request = request_with({{"has_signals", yes}});
    QueryReader query(request);
    EXPECT_EQ(query.boolean("has_signals"), true) << yes;
  }
  for (const char* no : {"false", "False", "0", "no", "OFF", "f", "n"}) {
    const auto request = request_with({{"has_signals", no}});
    QueryReader query(request);
    EXPECT_EQ(query.boolean("has_signals"), false) << no;
  }
}

TEST(Choice, IgnoresCaseAndGivesTheKnownSpelling) {
  const std::vector<std::string> known = {"LOW", "HIGH"};
  EXPECT_EQ(choice("high", known), "HIGH");
  EXPECT_EQ(choice("HiGh", known), "HIGH");
  EXPECT_FALSE(choice("", known));
  EXPECT_FALSE(choice("HIGHER", known));
  EXPECT_EQ(unknown_choice("severity", "x", known), "unknown severity 'x'; valid values: LOW, HIGH");
}

TEST(BearerKey, FindsTheKeyWithAndWithoutTheWord) {
  EXPECT_EQ(bearer_key("Bearer abc"), "abc");
  EXPECT_EQ(bearer_key("bearer \t abc "), "abc");
  EXPECT_EQ(bearer_key("BEARER abc"), "abc");
  EXPECT_EQ(bearer_key("abc"), "abc");
  EXPECT_EQ(bearer_key("bearerabc"), "bearerabc");  // a key that merely begins like the word
  EXPECT_EQ(bearer_key("Bearer"), "");
  EXPECT_EQ(bearer_key("Bearer  "), "");
  EXPECT_EQ(bearer_key("   "), "");
  EXPECT_EQ(bearer_key(""), "");
}

}  // namespace
}  // namespace dunetrace::api
