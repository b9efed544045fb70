#include "config/environment.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

namespace dunetrace::config {
namespace {

std::string value_of(std::string_view dotenv, std::string_view name = "A") {
  const auto env = Environment::from({}, dotenv, ".env");
  if (!env) return "error: " + env.error().text;
  const auto value = env->get(name);
  return value ? value->text : "(absent)";
}

TEST(Environment, ReadsPlainQuotedAndExportedValues) {
  EXPECT_EQ(value_of("A=1"), "1");
  EXPECT_EQ(value_of("  export A = two words \r\n"), "two words");
  EXPECT_EQ(value_of("A='a # \\n b'"), "a # \\n b");
  EXPECT_EQ(value_of("A=\"a\\n\\\"b\\\"\" # comment"), "a\n\"b\"");
  EXPECT_EQ(value_of("\n# comment\n\nB=2\nA=3"), "3");
  EXPECT_EQ(value_of("A=1\nA=2"), "2");
}

TEST(Environment, TakesACommentOnlyAfterABlank) {
  EXPECT_EQ(value_of("A=http://x/#top"), "http://x/#top");
  EXPECT_EQ(value_of("A=5 # seconds"), "5");
  EXPECT_EQ(value_of("A=# nothing"), "(absent)");
}

TEST(Environment, KeepsEqualSignsInValues) { EXPECT_EQ(value_of("A=host=x dbname=y"), "host=x dbname=y"); }

TEST(Environment, TreatsAnEmptyVariableAsAbsent) { EXPECT_EQ(value_of("A="), "(absent)"); }

TEST(Environment, TheProcessWinsOverTheFile) {
  const auto env = Environment::from({{"A", "process"}}, "A=file\nB=file", ".env").value();
  EXPECT_EQ(env.get("A")->text, "process");
  EXPECT_EQ(env.get("A")->origin, Origin::environment);
  EXPECT_EQ(env.get("B")->origin, Origin::dotenv);
  EXPECT_EQ(env.get("B")->place, ".env:2");
}

TEST(Environment, NamesFileAndLineOfABadLineWithoutItsText) {
  EXPECT_EQ(value_of("A=1\nsk-secret"), "error: .env:2: expected NAME=value, found no '='");
  EXPECT_EQ(value_of("1A=1"), "error: .env:1: expected NAME=value with a name of letters, digits and '_'");
  EXPECT_EQ(value_of("A=\"open"), "error: .env:1: the value has no closing quote \"");
  EXPECT_EQ(value_of("A='open"), "error: .env:1: the value has no closing quote '");
  EXPECT_EQ(value_of("A='x' y"), "error: .env:1: text after the closing quote");
}

TEST(Environment, LoadsTheFileAndDoesNotNeedIt) {
  const auto path = std::filesystem::path(::testing::TempDir()) / "dune_env_test.env";
  std::ofstream(path) << "DUNE_ENV_TEST_FILE=yes\n";
  ASSERT_EQ(setenv("DUNE_ENV_TEST_PROCESS", "here", 1), 0);
  const auto env = Environment::load(path).value();
  EXPECT_EQ(env.get("DUNE_ENV_TEST_FILE")->text, "yes");
  EXPECT_EQ(env.get("DUNE_ENV_TEST_PROCESS")->text, "here");
  std::filesystem::remove(path);
  EXPECT_TRUE(Environment::load(path).has_value());
}

TEST(Environment, RefusesADirectoryInPlaceOfTheFile) {
  const auto env = Environment::load(::testing::TempDir());
  ASSERT_FALSE(env);
  EXPECT_NE(env.error().text.find("expected a file of NAME=value lines"), std::string::npos);
}

}  // namespace
}  // namespace dunetrace::config
