// What the policy refuses, and in which words: the file, what was expected, what was found, what to do.
#include "plugin/registry.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "plugin/policy/directory_loader.hpp"
#include "plugin_dir.hpp"
#include "testing/test_log.hpp"

namespace dunetrace::plugin {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class Policy : public ::testing::Test {
 protected:
  Policy() : own_(dir_ / "own"), other_(dir_ / "other") {
    own_.add("tool_loop");
    other_.add("slow_step");
  }
  LoadOptions options() {
    LoadOptions out;
    out.own = own_.path();
    out.others = {other_.path()};
    out.private_dir = dir_ / "data/plugins";
    return out;
  }
  Result<Registry> load() { return Registry::load(options(), log_.logger()); }
  std::string refused() {
    const auto loaded = load();
    return loaded ? "it was loaded" : loaded.error().text;
  }
  // "run: dunetrace plugins lock '…/other'"
  auto remedy() { return HasSubstr("run: dunetrace plugins lock '" + other_.path().string() + "'"); }

  testing::TempDir dir_;
  testing::TestLog log_;
  PluginDir own_, other_;
};

TEST_F(Policy, LoadsCopiesOfWhatIsListed) {
  const auto loaded = load();
  ASSERT_TRUE(loaded) << loaded.error().text;
  ASSERT_EQ(loaded->libraries().size(), 2U);
  const auto& library = loaded->libraries()[1];
  EXPECT_EQ(library.path, (other_ / "slow_step.so").string());
  EXPECT_EQ(library.sha256, other_.sha256_of("slow_step.so"));
  EXPECT_EQ(library.file, dir_ / "data/plugins" / (library.sha256 + ".so"));
  EXPECT_EQ(library.mode, Mode::in_process);
  EXPECT_FALSE(library.first_party);
  EXPECT_TRUE(loaded->libraries()[0].first_party);
  EXPECT_TRUE(loaded->refusals().empty());
  EXPECT_TRUE(log_.contains("plugin.in_process")) << "not the host's own, so it is worth a word";
  EXPECT_FALSE(log_.contains("own/tool_loop.so"));
}

TEST_F(Policy, LeavesOutWhatIsNotListedAndSaysSoOnce) {
  other_.put("tool_thrashing", "tool_thrashing.so");
  testing::write_file(other_ / "text.so", "not even a library");
  const auto loaded = load();
  ASSERT_TRUE(loaded) << loaded.error().text;
  EXPECT_EQ(loaded->find("tool_thrashing"), nullptr);
  ASSERT_EQ(loaded->refusals().size(), 2U);
  EXPECT_EQ(loaded->refusals()[1].file, other_ / "tool_thrashing.so");
  EXPECT_THAT(loaded->refusals()[1].reason,
              AllOf(HasSubstr("not listed in"), HasSubstr("other/plugins.lock"), remedy()));
  EXPECT_THAT(log_.text(), AllOf(HasSubstr("plugin.not_loaded"), HasSubstr("other/tool_thrashing.so")));
  auto again = options();
  again.previous = &*loaded;
  testing::TestLog quiet;
  ASSERT_TRUE(Registry::load(again, quiet.logger()));
  EXPECT_FALSE(quiet.contains("plugin.not_loaded"));
}

TEST_F(Policy, ADirectoryWithoutLockFileGivesNothing) {
  std::filesystem::remove(other_ / "plugins.lock");
  const auto loaded = load();
  ASSERT_TRUE(loaded) << loaded.error().text;
  EXPECT_EQ(loaded->libraries().size(), 1U);
  EXPECT_EQ(loaded->refusals().size(), 1U);
  std::filesystem::remove(own_ / "plugins.lock");
  EXPECT_THAT(refused(), AllOf(HasSubstr("own/plugins.lock: no such file"), HasSubstr("dunetrace plugins lock")));
  own_.lock.entries.clear();
  own_.write_lock();
  EXPECT_THAT(refused(), AllOf(HasSubstr("none of its plugins is listed"), HasSubstr("dunetrace plugins lock")));
}

TEST_F(Policy, RefusesOtherBytesThanListed) {
  const auto listed = other_.sha256_of("slow_step.so");
  other_.change("slow_step.so");
  EXPECT_THAT(refused(), AllOf(HasSubstr("other/slow_step.so: has sha256 " + other_.sha256_of("slow_step.so")),
                               HasSubstr("other/plugins.lock lists " + listed), remedy()));
}

TEST_F(Policy, RefusesWhatSaysSomethingElseOfItselfThanListed) {
  auto& entry = other_.lock.entries["slow_step.so"];
  entry.version = "0.9.0";
  other_.write_lock();
  EXPECT_THAT(refused(), AllOf(HasSubstr("other/slow_step.so: has version 1.0.0"), HasSubstr("lists 0.9.0"), remedy()));
  entry.version = "1.0.0";
  entry.id = "com.example.slow";
  other_.write_lock();
  EXPECT_THAT(refused(), AllOf(HasSubstr("has id dunetrace.slow_step"), HasSubstr("lists com.example.slow"), remedy()));
  entry.id = "dunetrace.slow_step";
  entry.components = {{"slow_step", "alert"}};
  other_.write_lock();
  EXPECT_THAT(refused(),
              AllOf(HasSubstr("has components detector slow_step"), HasSubstr("lists alert slow_step"), remedy()));
}

TEST_F(Policy, RefusesALockFileThatListsAMissingFileOrIsBroken) {
  std::filesystem::remove(other_ / "slow_step.so");
  EXPECT_THAT(refused(), AllOf(HasSubstr("other/slow_step.so: no such file"), HasSubstr("put it back"), remedy()));
  testing::write_file(other_ / "plugins.lock", "version: 1\nplugins: [1, 2\n");
  EXPECT_THAT(refused(), HasSubstr("other/plugins.lock:"));
  std::filesystem::remove(other_ / "plugins.lock");
  std::filesystem::create_symlink(own_ / "plugins.lock", other_ / "plugins.lock");
  EXPECT_THAT(refused(), AllOf(HasSubstr("other/plugins.lock"), HasSubstr("symbolic link")));
  std::filesystem::remove(other_ / "plugins.lock");
  other_.write_lock();
  ::chmod((other_ / "plugins.lock").c_str(), 0666);
  EXPECT_THAT(refused(), AllOf(HasSubstr("other/plugins.lock"), HasSubstr("chmod go-w")));
}

TEST_F(Policy, RefusesFilesOfTheWrongKind) {
  const auto file = other_ / "slow_step.so";
  ::chmod(file.c_str(), 0646);
  EXPECT_THAT(refused(), AllOf(HasSubstr("slow_step.so: everybody may write to it"), HasSubstr("chmod go-w")));
  ::chmod(file.c_str(), 04755);
  EXPECT_THAT(refused(), HasSubstr("slow_step.so: has a setuid or setgid bit"));
  ::chmod(file.c_str(), 0644);
  std::filesystem::resize_file(file, 65 * 1024 * 1024);
  EXPECT_THAT(refused(), HasSubstr("slow_step.so: is larger than 64 MB"));
  std::filesystem::remove(file);
  std::filesystem::create_symlink(own_ / "tool_loop.so", file);
  EXPECT_THAT(refused(), HasSubstr("slow_step.so: is a symbolic link"));
  std::filesystem::remove(file);
  ASSERT_EQ(::mkfifo(file.c_str(), 0644), 0);
  EXPECT_THAT(refused(), HasSubstr("slow_step.so: is not a regular file"));
}

TEST_F(Policy, RefusesALibraryThatIsCutOffEvenWhenListed) {
  std::filesystem::resize_file(other_ / "slow_step.so", 9000);
  other_.list("slow_step", "slow_step.so");
  EXPECT_THAT(refused(), HasSubstr("slow_step.so: is cut off"));
}

TEST_F(Policy, RefusesDirectoriesThatOthersMayWrite) {
  ::chmod(other_.path().c_str(), 0757);
  EXPECT_THAT(refused(),
              AllOf(HasSubstr("everybody may write to it"), HasSubstr("chmod go-w '" + other_.path().string())));
  ::chmod(other_.path().c_str(), 01777);
  EXPECT_NE(refused().find("everybody may write to it"), std::string::npos)
      << "sticky: nobody replaces another's file, but everybody may add one";
  ::chmod(other_.path().c_str(), 0755);
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give a directory to another group";
  ASSERT_EQ(::chown(other_.path().c_str(), 0, 12345), 0);
  ::chmod(other_.path().c_str(), 0775);
  EXPECT_THAT(refused(), HasSubstr("its group may write to it"));
  ASSERT_EQ(::chown(other_.path().c_str(), 12345, 0), 0);
  ::chmod(other_.path().c_str(), 0755);
  EXPECT_THAT(refused(), AllOf(HasSubstr("belongs to user 12345"), HasSubstr("expected root; run: chown root '")));
  auto named = options();
  named.places = {"detectors.yml:2:17"};
  EXPECT_THAT(Registry::load(named, log_.logger()).error().text, StartsWith("detectors.yml:2:17: plugin directory: "));
}

TEST_F(Policy, GoesOnWithTheDirectoryItHasOpened) {
  const auto given = options();
  const auto shared = policy::Shared::open(given, log_.logger());
  ASSERT_TRUE(shared);
  const auto loader = policy::DirectoryLoader::open(other_.path(), false, *shared);
  ASSERT_TRUE(loader);
  // Another directory with another library takes its name, and a link its old place.
  PluginDir evil(dir_ / "evil");
  evil.put("tool_thrashing", "slow_step.so");
  std::filesystem::rename(other_.path(), dir_ / "moved");
  std::filesystem::create_directory_symlink(evil.path(), other_.path());
  const auto loaded = loader->load("slow_step.so", nullptr);
  ASSERT_TRUE(loaded) << loaded.error().text;
  EXPECT_EQ(loaded->library.id, "dunetrace.slow_step");
}

TEST_F(Policy, NoticesAFileThatIsReplacedAfterTheLockWasRead) {
  const auto given = options();
  const auto shared = policy::Shared::open(given, log_.logger());
  const auto loader = policy::DirectoryLoader::open(other_.path(), false, *shared);
  ASSERT_TRUE(loader);
  other_.put("tool_thrashing", "slow_step.so");
  EXPECT_THAT(loader->load("slow_step.so", nullptr).error().text, HasSubstr("has sha256"));
}

TEST_F(Policy, KnowsOneLibraryUnderTwoNames) {
  other_.put("slow_step", "again.so");
  other_.list("slow_step", "again.so");
  EXPECT_THAT(refused(), AllOf(HasSubstr("other/again.so and"), HasSubstr("other/slow_step.so are the same library"),
                               HasSubstr("remove one of them")));
  other_.change("again.so");
  other_.list("slow_step", "again.so");
  EXPECT_THAT(refused(), HasSubstr("both provide 'slow_step'"));
}

TEST_F(Policy, KnowsTwoLibrariesOfOneName) {
  const auto loaded = load();
  ASSERT_TRUE(loaded) << loaded.error().text;
  auto libraries = loaded->libraries();
  libraries[1].id = libraries[0].id;
  EXPECT_THAT(Registry::of(std::move(libraries)).error().text,
              AllOf(HasSubstr("own/tool_loop.so and"), HasSubstr("are both called 'dunetrace.tool_loop'")));
}

TEST_F(Policy, KeepsCopiesElsewhereWhereOthersMayWriteToTheDataDirectory) {
  std::filesystem::create_directories(dir_ / "data/plugins");
  ::chmod((dir_ / "data").c_str(), 0777);
  std::filesystem::path copies;
  {
    const auto first = load();
    ASSERT_TRUE(first) << first.error().text;
    copies = first->libraries()[0].file.parent_path();
    EXPECT_NE(copies.parent_path(), dir_ / "data");
    struct stat info {};
    ASSERT_EQ(::stat(copies.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 07777, 0700U);
    EXPECT_THAT(log_.text(), AllOf(HasSubstr("plugins.copies_elsewhere"), HasSubstr("everybody may write to it"),
                                   HasSubstr(copies.string())));
    auto again = options();
    again.previous = &*first;
    testing::TestLog quiet;
    const auto second = Registry::load(again, quiet.logger());
    ASSERT_TRUE(second) << second.error().text;
    EXPECT_EQ(second->libraries()[0].file, first->libraries()[0].file);
    EXPECT_FALSE(quiet.contains("plugins.copies_elsewhere"));
  }
  EXPECT_FALSE(std::filesystem::exists(copies)) << "they go with their last user";
}

TEST_F(Policy, RemovesCopiesNobodyUses) {
  const auto stale = dir_ / "data/plugins" / (std::string(64, 'e') + ".so");
  testing::write_file(stale, "of an older version");
  ::chmod(stale.parent_path().c_str(), 0700);
  ASSERT_TRUE(load());
  EXPECT_FALSE(std::filesystem::exists(stale));
}

TEST_F(Policy, UnlockedAsksNoListAndTellsThatItDoesNot) {
  std::filesystem::remove(own_ / "plugins.lock");
  testing::write_file(other_ / "plugins.lock", "broken [");
  auto unlocked = options();
  unlocked.unlocked = unlocked.for_tools = true;
  const auto loaded = Registry::load(unlocked, log_.logger());
  ASSERT_TRUE(loaded) << loaded.error().text;
  EXPECT_EQ(loaded->libraries().size(), 2U);
  EXPECT_TRUE(loaded->unlocked());
  EXPECT_FALSE(load()) << "the flag lifted it, nothing else did";
}

}  // namespace
}  // namespace dunetrace::plugin
