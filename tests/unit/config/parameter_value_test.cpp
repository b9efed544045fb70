#include "config/parameter_value.hpp"

#include <gtest/gtest.h>

#include "schemas.hpp"

namespace dunetrace::config {
namespace {

YamlNode node(std::string_view yaml) { return read_yaml(yaml, "f.yml").value(); }

TEST(ParameterValue, TakesWholeNumbersAsWritten) {
  EXPECT_EQ(parse_integer(node("3")).value(), 3);
  EXPECT_EQ(parse_integer(node("0")).value(), 0);
  EXPECT_EQ(parse_integer(node("-9223372036854775808")).value(), INT64_MIN);
}

TEST(ParameterValue, RefusesEverythingElseAsWholeNumber) {
  for (const auto* text : {"3.0", "1e3", "010", "0x10", "+3", "3 4", "9223372036854775808", "'3'", "three", "~", "[3]",
                           "1_000", "3,", "true"}) {
    const auto value = parse_integer(node(text));
    EXPECT_FALSE(value) << text;
  }
  EXPECT_EQ(parse_integer(node("3.0")).error(), "expected a whole number, got '3.0'");
  EXPECT_EQ(parse_integer(node("'3'")).error(), "expected a whole number, got the text '3'");
}

TEST(ParameterValue, TakesIntegerLiteralsAsNumbers) {
  EXPECT_EQ(parse_real(node("3")).value(), 3.0);
  EXPECT_EQ(parse_real(node("0.5")).value(), 0.5);
  EXPECT_EQ(parse_real(node("1e3")).value(), 1000.0);
}

TEST(ParameterValue, RefusesNumbersThatAreNone) {
  for (const auto* text :
       {".nan", "nan", ".inf", "inf", "-inf", "1e400", ".5", "01.5", "0x1p3", "1.5s", "'1.5'", "-", "e5"}) {
    EXPECT_FALSE(parse_real(node(text))) << text;
  }
}

TEST(ParameterValue, KnowsOnlyTrueAndFalse) {
  EXPECT_TRUE(parse_boolean(node("true")).value());
  EXPECT_FALSE(parse_boolean(node("false")).value());
  for (const auto* text : {"yes", "on", "y", "1", "True", "'true'", "~"})
    EXPECT_FALSE(parse_boolean(node(text))) << text;
}

TEST(ParameterValue, ChecksBounds) {
  const auto spec = testing::whole("n", 3, 2, 4);
  EXPECT_TRUE(parse_parameter(node("2"), spec));
  EXPECT_TRUE(parse_parameter(node("4"), spec));
  EXPECT_EQ(parse_parameter(node("1"), spec).error(), "expected a whole number from 2 to 4, got '1'");
  EXPECT_EQ(parse_parameter(node("5"), spec).error(), "expected a whole number from 2 to 4, got '5'");
}

TEST(ParameterValue, WantsPositiveNumbersUnlessTheTableSaysOtherwise) {
  auto spec = testing::real("x", 1.0);
  EXPECT_EQ(parse_parameter(node("0"), spec).error(), "expected a number above 0, got '0'");
  EXPECT_EQ(parse_parameter(node("-1.5"), spec).error(), "expected a number above 0, got '-1.5'");
  spec.min = ParamValue(-2.0);
  EXPECT_EQ(std::get<double>(parse_parameter(node("-1.5"), spec).value()), -1.5);
}

TEST(ParameterValue, ARealParameterBecomesADouble) {
  EXPECT_EQ(std::get<double>(parse_parameter(node("2"), testing::real("x", 1.0)).value()), 2.0);
}

TEST(ParameterValue, ChecksChoicesWithTheNearestName) {
  const auto spec = testing::foreign_schema().params[0];
  EXPECT_EQ(std::get<std::string>(parse_parameter(node("exact"), spec).value()), "exact");
  EXPECT_EQ(parse_parameter(node("exakt"), spec).error(),
            "expected one of fast, exact, got 'exakt' (did you mean 'exact'?)");
}

TEST(ParameterValue, ReadsListsOfTexts) {
  const auto spec = testing::foreign_schema().params[1];
  EXPECT_EQ(std::get<std::vector<std::string>>(parse_parameter(node("[a, 'b']"), spec).value()),
            (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(parse_parameter(node("a"), spec).error(), "expected a list of texts, got 'a'");
  EXPECT_EQ(parse_parameter(node("[a, [b]]"), spec).error(), "item 2: expected a text, got a list");
}

}  // namespace
}  // namespace dunetrace::config
