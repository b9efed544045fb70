// One test per finding about the YAML library: what it lets pass in silence is refused here with a place.
#include "config/yaml_tree.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace dunetrace::config {
namespace {

std::string error_of(std::string_view text) {
  const auto tree = read_yaml(text, "f.yml");
  return tree ? "no error" : tree.error().text;
}

TEST(YamlTree, KeepsOrderTextAndPlaces) {
  const auto tree = read_yaml("a:\n  b: 1\n  c: ['x', y]\nd:\n", "f.yml").value();
  ASSERT_TRUE(tree.is_mapping());
  ASSERT_EQ(tree.entries.size(), 2u);
  const auto* b = tree.find("a")->find("b");
  EXPECT_EQ(b->text, "1");
  EXPECT_FALSE(b->quoted);
  EXPECT_EQ(b->line, 2);
  EXPECT_EQ(b->column, 6);
  const auto* c = tree.find("a")->find("c");
  ASSERT_EQ(c->items.size(), 2u);
  EXPECT_TRUE(c->items[0].quoted);
  EXPECT_EQ(tree.find("d")->kind, YamlNode::Kind::null);
  EXPECT_EQ(tree.find("nothing"), nullptr);
}

TEST(YamlTree, TakesAnEmptyFileAsNothing) {
  EXPECT_EQ(read_yaml("", "f.yml")->kind, YamlNode::Kind::null);
  EXPECT_EQ(read_yaml("# only a comment\n", "f.yml")->kind, YamlNode::Kind::null);
  EXPECT_EQ(read_yaml("---\n", "f.yml")->kind, YamlNode::Kind::null);
}

TEST(YamlTree, LeavesScalarsAsWritten) {
  const auto tree = read_yaml("a: 010\nb: 3.0\nc: yes\nd: .nan\ne: 1e3\n", "f.yml").value();
  EXPECT_EQ(tree.find("a")->text, "010");
  EXPECT_EQ(tree.find("b")->text, "3.0");
  EXPECT_EQ(tree.find("c")->text, "yes");
  EXPECT_EQ(tree.find("d")->text, ".nan");
  EXPECT_EQ(tree.find("e")->text, "1e3");
}

TEST(YamlTree, RefusesDuplicateKeys) {
  EXPECT_EQ(error_of("default:\n  tool_loop: {}\n  tool_loop: {}\n"), "f.yml:3:3: duplicate key 'tool_loop'");
  EXPECT_EQ(error_of("a: 1\n'a': 2\n"), "f.yml:2:1: duplicate key 'a'");
}

TEST(YamlTree, RefusesAnchorsAndAliases) {
  EXPECT_EQ(error_of("a: &x 1\n"), "f.yml:1:4: anchor '&x' is not supported; write the value out");
  EXPECT_NE(error_of("a: *x\n"), "no error");
  EXPECT_NE(error_of("a: &x {b: *x}\n"), "no error");
}

TEST(YamlTree, RefusesMergeKeys) {
  EXPECT_EQ(error_of("a:\n  <<: {b: 1}\n"), "f.yml:2:3: merge keys (<<) are not supported; write the values out");
}

TEST(YamlTree, RefusesTags) {
  EXPECT_NE(error_of("a: !!int 3\n").find("is not supported"), std::string::npos);
  EXPECT_NE(error_of("a: ! 'x'\n").find("is not supported"), std::string::npos);
  EXPECT_NE(error_of("a: !mine {b: 1}\n").find("tag '!mine' is not supported"), std::string::npos);
  EXPECT_NE(error_of("!!set {a, b}\n").find("is not supported"), std::string::npos);
}

TEST(YamlTree, RefusesASecondDocument) {
  EXPECT_EQ(error_of("a: 1\n---\nb: 2\n"), "f.yml:3:1: a second document; expected only one");
}

TEST(YamlTree, RefusesAByteOrderMark) {
  EXPECT_EQ(error_of("\xEF\xBB\xBF"
                     "a: 1\n"),
            "f.yml:1:1: expected UTF-8 without a byte order mark");
}

TEST(YamlTree, RefusesUtf16) {
  EXPECT_EQ(error_of(std::string_view("\xFF\xFE"
                                      "a\0:\0",
                                      6)),
            "f.yml:1:1: expected UTF-8, found UTF-16");
  // Without its mark the library recognises it by the zero bytes.
  EXPECT_EQ(error_of(std::string_view("a\0:\0 \0b\0", 8)), "f.yml:1:2: control character 0x00");
}

TEST(YamlTree, RefusesInvalidUtf8) {
  EXPECT_EQ(error_of("a: 1\nb: '\xC3('\n"), "f.yml:2:5: expected UTF-8");
  EXPECT_EQ(error_of("a: \xED\xA0\x80\n"), "f.yml:1:4: expected UTF-8");
  EXPECT_EQ(error_of("a: \xC0\x80\n"), "f.yml:1:4: expected UTF-8");
  EXPECT_EQ(error_of("a: \xF4\x90\x80\x80\n"), "f.yml:1:4: expected UTF-8");
  EXPECT_EQ(error_of("a: \xE2\x82\n"), "f.yml:1:4: expected UTF-8");
  EXPECT_EQ(read_yaml("a: 'ü€😀'\n", "f.yml")->find("a")->text, "ü€😀");
}

TEST(YamlTree, RefusesKeysThatAreNoNames) {
  EXPECT_EQ(error_of("? [a, b]\n: 1\n"), "f.yml:1:3: expected a name as key, found a list");
  EXPECT_EQ(error_of("{a: 1}: 2\n").substr(0, 6), "f.yml:");
  EXPECT_NE(error_of("{a: 1}: 2\n"), "no error");
  EXPECT_EQ(error_of("~: 1\n"), "f.yml:1:1: expected a name as key, found nothing");
  EXPECT_EQ(error_of("'': 1\n"), "f.yml:1:1: expected a name as key, found nothing");
}

TEST(YamlTree, LimitsDepth) {
  EXPECT_EQ(error_of("[[[[[[1]]]]]]"), "no error");
  EXPECT_EQ(error_of("[[[[[[[1]]]]]]]"), "f.yml:1:7: nested deeper than 6 levels");
  EXPECT_NE(error_of(std::string(100'000, '[')), "no error");
  EXPECT_NE(error_of(std::string(100'000, '{')), "no error");
}

TEST(YamlTree, LimitsTheNumberOfValues) {
  std::string list = "a:\n";
  for (int i = 0; i < 4998; ++i) list += "- 1\n";
  // a mapping, its key, a list and 4,997 items are 5,000
  EXPECT_NE(error_of(list).find("more than 5000 values"), std::string::npos);
  EXPECT_EQ(error_of(list.substr(0, list.size() - 4)), "no error");
}

TEST(YamlTree, LimitsTheSizeOfAValue) {
  EXPECT_EQ(error_of("a: " + std::string(4096, 'x')), "no error");
  EXPECT_EQ(error_of("a: " + std::string(4097, 'x')), "f.yml:1:4: a value of 4097 bytes; at most 4096 are allowed");
  EXPECT_NE(error_of(std::string(4097, 'x').append(": 1")), "no error");
}

TEST(YamlTree, LimitsTheSizeOfTheFile) {
  EXPECT_EQ(error_of(std::string(256 * 1024, '\n')), "no error");
  EXPECT_EQ(error_of(std::string(256 * 1024 + 1, '\n')),
            "f.yml:1:1: a file of 262145 bytes; at most 262144 are allowed");
}

TEST(YamlTree, AliasBombsAreRefusedAtTheFirstAnchor) {
  std::string bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n";
  for (int i = 1; i < 10; ++i) bomb += fmt::format("a{0}: &a{0} [*a{1},*a{1},*a{1}]\n", i, i - 1);
  EXPECT_EQ(error_of(bomb), "f.yml:1:5: anchor '&a0' is not supported; write the value out");
}

TEST(YamlTree, RefusesATextThatTheEndCutsOff) {
  EXPECT_EQ(error_of("ü: 1\na: 'open\n"), "f.yml:2:4: a text without a closing quote");
  EXPECT_EQ(error_of("a: \"open\\\"\n"), "f.yml:1:4: a text without a closing quote");
  EXPECT_EQ(error_of("a: 'it''s'\nb: \"x\\\"y\"\n'c d': |\n  'open\n"), "no error");
}

TEST(YamlTree, SaysWhereTheSyntaxBreaks) {
  EXPECT_EQ(error_of("a: [1, 2\nb: 3\n").substr(0, 10), "f.yml:2:2:");
  EXPECT_NE(error_of("a: 1\n\tb: 2\n"), "no error");
  EXPECT_NE(error_of("a: {b: 1\n"), "no error");
}

}  // namespace
}  // namespace dunetrace::config
