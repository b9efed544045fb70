// Request targets: what is taken apart, decoded and refused.
#include "http/url.hpp"

#include <gtest/gtest.h>

namespace dunetrace::http {
namespace {

using Query = std::vector<std::pair<std::string, std::string>>;

TEST(PercentDecode, DecodesEscapesOnly) {
  EXPECT_EQ(percent_decode("a%20b%2fC%2F+"), "a b/C/+");
  EXPECT_EQ(percent_decode("a+b", true), "a b");
  EXPECT_EQ(percent_decode(""), "");
}

TEST(PercentDecode, RefusesWhatNobodyCouldStore) {
  for (const auto* text : {"%", "%a", "%g0", "%0g", "a%", "%00", "%C3", "%C0%80", "%ED%A0%80", "%F4%90%80%80",
                           "%E0%80%80", "%F8%88%80%80%80", "%80"}) {
    EXPECT_FALSE(percent_decode(text)) << text;
  }
}

TEST(ParseTarget, SplitsPathAndQuery) {
  const auto target = parse_target("/a%2Fb?x=1&x=2&empty=&bare&y=a%26b+c&&z==");
  ASSERT_TRUE(target);
  EXPECT_EQ(target->path, "/a%2Fb");
  EXPECT_EQ(target->query, (Query{{"x", "1"}, {"x", "2"}, {"empty", ""}, {"bare", ""}, {"y", "a&b c"}, {"z", "="}}));
}

TEST(ParseTarget, TakesTheFormOfProxies) {
  EXPECT_EQ(parse_target("http://host:80/a?b=1")->path, "/a");
  EXPECT_EQ(parse_target("HTTPS://host")->path, "/");
  EXPECT_EQ(parse_target("http://host?b=1")->query, (Query{{"b", "1"}}));
  EXPECT_EQ(parse_target("*")->path, "/*");
}

TEST(ParseTarget, RefusesTheRest) {
  for (const auto* text : {"", "a", "host:443", "http:///a", "ftp://host/", "/?x=%", "/?%zz=1"}) {
    EXPECT_FALSE(parse_target(text)) << text;
  }
}

}  // namespace
}  // namespace dunetrace::http
