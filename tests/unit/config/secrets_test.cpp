#include "config/secrets.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "config/component_values.hpp"
#include "testing/temp_dir.hpp"

namespace dunetrace::config {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class SecretsTest : public ::testing::Test {
 protected:
  SecretsTest() {
    schema_.id = "post";
    ParamSpec url;
    url.name = "url";
    url.type = ParamType::string;
    url.required = url.secret = true;
    ParamSpec room;
    room.name = "room";
    room.type = ParamType::string;
    room.def = ParamValue(std::string("env:NOT_READ"));
    ParamSpec keys;
    keys.name = "keys";
    keys.type = ParamType::string_list;
    keys.def = ParamValue(std::vector<std::string>());
    keys.secret = true;
    schema_.params = {url, room, keys};
  }

  Result<std::vector<ParamValue>> resolve(const std::string& yaml, bool literals = false) {
    DUNE_TRY(read, component_values(schema_, yaml, "--param"));
    warnings_ = read.warnings;
    DUNE_TRY_VOID(Secrets(environment_, literals).resolve(schema_, read.values, warnings_));
    return read.values;
  }
  void refused(const std::string& yaml, const std::string& part, bool literals = false) {
    const auto values = resolve(yaml, literals);
    ASSERT_FALSE(values) << yaml;
    EXPECT_THAT(values.error().text, HasSubstr(part));
    EXPECT_THAT(values.error().text, Not(HasSubstr("hunter2")));
  }

  Environment environment_ = *Environment::from({{"HOOK", "https://a/hunter2"}, {"EMPTY", ""}}, "OTHER=o\n", ".env");
  ComponentSchema schema_;
  testing::TempDir dir_;
  std::vector<std::string> warnings_;
};

TEST_F(SecretsTest, ReadsReferencesOfSecretsOnly) {
  testing::write_file(dir_ / "key", "k1\n");
  const auto values = resolve("url: env:HOOK\nkeys: [\"env:OTHER\", \"file:" + (dir_ / "key").string() + "\"]");
  ASSERT_TRUE(values) << values.error().text;
  EXPECT_EQ((*values)[0], ParamValue(std::string("https://a/hunter2")));
  EXPECT_EQ((*values)[1], ParamValue(std::string("env:NOT_READ"))) << "no secret";
  EXPECT_EQ((*values)[2], ParamValue(std::vector<std::string>{"o", "k1"}));
  EXPECT_TRUE(warnings_.empty());
}

TEST_F(SecretsTest, OfAFileOnlyTheLastLineBreakIsLeftOut) {
  for (const auto& [content, expected] :
       {std::pair("a\n", "a"), std::pair("a\r\n", "a"), std::pair("a\n\n", "a\n"), std::pair(" a b ", " a b ")}) {
    testing::write_file(dir_ / "key", content);
    EXPECT_EQ((*resolve("url: file:" + (dir_ / "key").string()))[0], ParamValue(std::string(expected)));
  }
}

TEST_F(SecretsTest, SaysWhatIsMissing) {
  refused("url: env:NONE", "post.url: the environment variable 'NONE' is not set");
  refused("url: env:EMPTY", "not set or empty");
  refused("url: 'env:'", "not set or empty");
  refused("url: file:relative", "absolute path");
  refused("url: file:/none/at/all", "cannot be read: No such file");
  refused("url: file:" + dir_.path().string(), "no regular file");
  testing::write_file(dir_ / "empty", "\n");
  refused("url: file:" + (dir_ / "empty").string(), "is empty");
  testing::write_file(dir_ / "large", std::string(64 * 1024 + 1, 'x'));
  refused("url: file:" + (dir_ / "large").string(), "more than 65536 bytes");
  testing::write_file(dir_ / "binary", std::string_view("a\0b", 3));
  refused("url: file:" + (dir_ / "binary").string(), "is no text");
  ASSERT_EQ(::mkfifo((dir_ / "pipe").c_str(), 0600), 0);
  refused("url: file:" + (dir_ / "pipe").string(), "no regular file");
}

TEST_F(SecretsTest, LiteralsAreForDevelopment) {
  refused("url: https://a/hunter2", "never as itself");
  refused("url: env:HOOK\nkeys: [hunter2]", "never as itself");
  const auto values = resolve("url: https://a/hunter2", true);
  ASSERT_TRUE(values);
  EXPECT_EQ((*values)[0], ParamValue(std::string("https://a/hunter2")));
  ASSERT_EQ(warnings_.size(), 1U);
  EXPECT_THAT(warnings_[0], HasSubstr("post.url: a secret is written as itself"));
  EXPECT_THAT(warnings_[0], Not(HasSubstr("hunter2")));
}

TEST_F(SecretsTest, AreShownAsReferencesOnly) {
  EXPECT_EQ(shown_value(schema_.params[0], std::string("env:HOOK")), ParamValue(std::string("env:HOOK")));
  EXPECT_EQ(shown_value(schema_.params[0], std::string("hunter2")), ParamValue(std::string("***")));
  EXPECT_EQ(shown_value(schema_.params[0], std::string()), ParamValue(std::string()));
  EXPECT_EQ(shown_value(schema_.params[1], std::string("open")), ParamValue(std::string("open")));
  EXPECT_EQ(shown_value(schema_.params[2], std::vector<std::string>{"hunter2", "file:/x"}),
            ParamValue(std::vector<std::string>{"***", "file:/x"}));
}

TEST_F(SecretsTest, AreWiped) {
  std::vector<ParamValue> values{std::string("hunter2 is longer than a short string"), std::string("open"),
                                 std::vector<std::string>{"hunter2"}};
  const auto* bytes = std::get<std::string>(values[0]).data();
  wipe_secrets(schema_, values);
  EXPECT_EQ(std::string_view(bytes, 7), std::string_view("\0\0\0\0\0\0\0", 7)) << "the buffer is still the string's";
  EXPECT_EQ(values[0], ParamValue(std::string()));
  EXPECT_EQ(values[1], ParamValue(std::string("open")));
  EXPECT_EQ(values[2], ParamValue(std::vector<std::string>{""}));
}

TEST_F(SecretsTest, ValuesAreReadAgainstTheTable) {
  refused("ur: x", "did you mean 'url'");
  refused("room: x", "parameter 'url' is required");
  refused("[1]", "expected a mapping");
  refused("url: [hunter2]", "post.url: not a valid value");
  refused("room: [a]\nurl: env:HOOK", "post.room: expected a text");
  schema_.params[1].deprecated = true;
  schema_.params[1].doc = "use url";
  ASSERT_TRUE(resolve("url: env:HOOK\nroom: x"));
  EXPECT_THAT(warnings_, ::testing::ElementsAre(HasSubstr("post.room is deprecated: use url")));
  schema_.check = [](std::span<const ParamValue>) { return std::optional<std::string>("makes no sense"); };
  refused("url: env:HOOK", "makes no sense");
}

}  // namespace
}  // namespace dunetrace::config
