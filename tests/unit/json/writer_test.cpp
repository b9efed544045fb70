#include "json/writer.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace dunetrace::json {
namespace {

std::string number(double v) {
  std::string out;
  append_number(out, v);
  return out;
}

std::string quoted(std::string_view text) {
  std::string out;
  append_string(out, text);
  return out;
}

TEST(Writer, WritesNestedValuesInOrder) {
  Writer out;
  out.begin_object();
  out.field("b", 1);
  out.key("a");
  out.begin_array();
  out.string("x");
  out.null();
  out.boolean(false);
  out.end_array();
  out.field_raw("r", R"({"k":1.50})");
  out.end_object();
  EXPECT_TRUE(out.complete());
  EXPECT_EQ(out.text(), R"({"b":1,"a":["x",null,false],"r":{"k":1.50}})");
}

TEST(Writer, NumbersReadBackAsTheSameDouble) {
  EXPECT_EQ(number(3), "3.0");
  EXPECT_EQ(number(0.7667), "0.7667");
  EXPECT_EQ(number(1767225600), "1767225600.0");
  EXPECT_EQ(number(1767225600.123456), "1767225600.123456");
  EXPECT_EQ(number(-0.5), "-0.5");
  EXPECT_EQ(number(1e300), "1e+300");
  EXPECT_EQ(number(std::numeric_limits<double>::infinity()), "null");
  EXPECT_EQ(number(std::numeric_limits<double>::quiet_NaN()), "null");
}

TEST(Writer, RepairsTextToUtf8) {
  EXPECT_EQ(quoted("a\"\\\n\x01"), R"("a\"\\\n\u0001")");
  EXPECT_EQ(quoted("\xC3\xA9"), "\"\xC3\xA9\"");
  EXPECT_EQ(quoted("\xFFx\xC3"), "\"\xEF\xBF\xBDx\xEF\xBF\xBD\"");
  EXPECT_EQ(quoted("\xED\xA0\x80"), "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"") << "a surrogate is no character";
}

TEST(Writer, MisuseSticks) {
  Writer out;
  out.begin_object();
  out.string("no key");
  EXPECT_FALSE(out.ok());
  out.end_object();
  EXPECT_FALSE(out.complete());
  out.clear();
  out.begin_array();
  out.end_object();
  EXPECT_FALSE(out.ok());
  out.clear();
  out.begin_object();
  out.key("open");
  out.end_object();
  EXPECT_FALSE(out.ok());
}

}  // namespace
}  // namespace dunetrace::json
