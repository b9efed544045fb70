#include "plugin/policy/lock_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "testing/temp_dir.hpp"

namespace dunetrace::plugin::policy {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

LockEntry entry() {
  return {
      std::string(64, 'a'), "com.example.loops", "1.0.0", {{"loops", "detector"}, {"post", "alert"}}, Mode::isolated};
}

LockFile one() {
  LockFile lock;
  lock.entries["loops.so"] = entry();
  return lock;
}

std::string refused(std::string text) { return LockFile::parse(text, "/p/plugins.lock").error().text; }

// The text of one() with one part replaced.
std::string with(std::string_view part, std::string_view by) {
  auto text = one().text();
  const auto at = text.find(part);
  EXPECT_NE(at, std::string::npos) << part;
  return text.replace(at, part.size(), by);
}

TEST(LockFile, ReadsWhatItWrites) {
  auto lock = one();
  lock.entries["b++-1.so"] = {std::string(64, '0'), "odd \"id\"\n\x7f é", "1.0\\2 # x", {}, Mode::in_process};
  const auto again = LockFile::parse(lock.text(), "l");
  EXPECT_FALSE(again) << "a control character cannot be listed";
  lock.entries["b++-1.so"].id = "odd \"id\" é: [x]";
  const auto good = LockFile::parse(lock.text(), "l");
  ASSERT_TRUE(good) << good.error().text;
  EXPECT_EQ(good->entries, lock.entries);
  EXPECT_EQ(good->text(), lock.text());
  EXPECT_EQ(LockFile::parse(LockFile{}.text(), "l")->entries.size(), 0U);
}

TEST(LockFile, RefusesAControlCharacterHoweverItIsWritten) {
  EXPECT_THAT(refused(with("com.example.loops", "loops\\x7f")), HasSubstr("no control character in id"));
  EXPECT_THAT(refused(with("1.0.0", "1\\n0")), HasSubstr("no control character in version"));
  EXPECT_THAT(refused(with("\"loops\": ", "\"lo\\u0001ops\": ")), HasSubstr("no control character in components"));
}

TEST(LockFile, OneLineChangesForOneThing) {
  auto after = one();
  after.entries["loops.so"].mode = Mode::in_process;
  EXPECT_EQ(after.text(), with("mode: isolated", "mode: in_process"));
}

TEST(LockFile, SaysWhereAHandMadeMistakeIs) {
  EXPECT_THAT(refused(with("isolated", "inprocess")),
              AllOf(HasSubstr("/p/plugins.lock:9:"), HasSubstr("in_process or isolated"), HasSubstr("loops.so"),
                    HasSubstr("'inprocess'")));
  EXPECT_THAT(refused(with("aaaa", "AAAA")), HasSubstr("64 lower-case hex"));
  EXPECT_THAT(refused(with("    mode: isolated\n", "")), HasSubstr("has no mode"));
  EXPECT_THAT(refused(with("mode:", "mod:")), HasSubstr("unknown key"));
  EXPECT_THAT(refused(with("loops.so", "../loops.so")), HasSubstr("expected the name of a library"));
  EXPECT_THAT(refused(with("version: 1\n", "version: 2\n")), HasSubstr("expected `version: 1`"));
  EXPECT_THAT(refused(with("plugins:", "plugin:")), HasSubstr("unknown key 'plugin'"));
  EXPECT_THAT(refused("plugins: [\n"), HasSubstr("/p/plugins.lock:"));
  EXPECT_THAT(refused(""), HasSubstr("expected `version` and `plugins`"));
  EXPECT_THAT(refused(one().text() + "  \"loops.so\":\n    mode: isolated\n"), HasSubstr("loops.so")) << "twice";
}

TEST(LockFile, TellsWhatChanged) {
  auto before = one();
  before.entries["old.so"] = entry();
  auto after = one();
  after.entries["loops.so"].version = "1.1.0";
  after.entries["loops.so"].sha256 = std::string(64, 'b');
  after.entries["new.so"] = entry();
  EXPECT_THAT(differences(before, after),
              ElementsAre(AllOf(HasSubstr("changed"), HasSubstr("loops.so"), HasSubstr("version 1.0.0 → 1.1.0"),
                                HasSubstr("sha256 aaaaaaaaaaaa → bbbbbbbbbbbb")),
                          AllOf(HasSubstr("added"), HasSubstr("new.so"), HasSubstr("isolated")),
                          AllOf(HasSubstr("removed"), HasSubstr("old.so"))));
  EXPECT_TRUE(differences(after, after).empty());
}

TEST(LockFile, IsReplacedWhole) {
  const testing::TempDir dir;
  const auto directory = open_directory(dir.path());
  ASSERT_TRUE(directory);
  ASSERT_TRUE(write_whole(*directory, kLockName, "first"));
  ASSERT_TRUE(write_whole(*directory, kLockName, "second"));
  EXPECT_EQ(**read_lock(*directory), "second");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(dir.path()), {}), 1) << "no draft is left";
}

}  // namespace
}  // namespace dunetrace::plugin::policy
