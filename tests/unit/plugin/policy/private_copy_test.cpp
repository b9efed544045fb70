#include "plugin/policy/private_copy.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "plugin_dir.hpp"

namespace dunetrace::plugin::policy {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

mode_t mode_of(const std::filesystem::path& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 ? info.st_mode & 07777 : 0;
}

std::size_t count(const std::filesystem::path& path) {
  return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(path), {}));
}

class PrivateCopy : public ::testing::Test {
 protected:
  PrivateCopy() : plugins_(dir_ / "plugins") {
    plugins_.put("tool_loop", "tool_loop.so");
    directory_ = std::move(*open_directory(plugins_.path()));
    copies_ = *PrivateDirectory::open(path_);
  }
  OpenFile source(const std::string& name = "tool_loop.so") { return std::move(*open_library(directory_, name)); }

  testing::TempDir dir_;
  PluginDir plugins_;
  const std::filesystem::path path_ = dir_ / "data/plugins";
  Directory directory_;
  std::shared_ptr<const PrivateDirectory> copies_;
};

TEST_F(PrivateCopy, HasItsHashAsNameAndIsForItsOwnerAlone) {
  const auto sha256 = plugins_.sha256_of("tool_loop.so");
  const auto copy = copies_->place(source(), sha256);
  ASSERT_TRUE(copy) << copy.error().text;
  EXPECT_EQ(copy->file, path_ / (sha256 + ".so"));
  EXPECT_EQ(copy->sha256, sha256);
  EXPECT_EQ(sha256_hex(testing::read_file(copy->file)), sha256);
  EXPECT_EQ(mode_of(copy->file), 0444U);
  EXPECT_EQ(mode_of(path_), 0700U);
  EXPECT_EQ(copies_->place(source(), sha256)->file, copy->file);
  EXPECT_EQ(count(path_), 1U) << "one copy, no draft";
}

TEST_F(PrivateCopy, KeepsNothingOfOtherBytes) {
  const auto copy = copies_->place(source(), std::string(64, 'a'));
  ASSERT_TRUE(copy);
  EXPECT_TRUE(copy->file.empty());
  EXPECT_EQ(copy->sha256, plugins_.sha256_of("tool_loop.so"));
  EXPECT_EQ(count(path_), 0U);
}

TEST_F(PrivateCopy, TakesTheBytesOfTheFileThatWasOpened) {
  const auto sha256 = plugins_.sha256_of("tool_loop.so");
  const auto opened = source();
  plugins_.put("slow_step", "other.so");
  std::filesystem::rename(plugins_ / "other.so", plugins_ / "tool_loop.so");
  const auto copy = copies_->place(opened, sha256);
  ASSERT_TRUE(copy) << copy.error().text;
  EXPECT_EQ(sha256_hex(testing::read_file(copy->file)), sha256);
}

TEST_F(PrivateCopy, NoticesAFileThatIsWrittenToAfterItWasOpened) {
  const auto sha256 = plugins_.sha256_of("tool_loop.so");
  const auto opened = source();
  plugins_.change("tool_loop.so");
  const auto copy = copies_->place(opened, sha256);
  ASSERT_TRUE(copy) << copy.error().text;
  EXPECT_TRUE(copy->file.empty());
}

TEST_F(PrivateCopy, IsNotTrustedForItsName) {
  const auto sha256 = plugins_.sha256_of("tool_loop.so");
  const auto name = path_ / (sha256 + ".so");
  for (const auto* what : {"other bytes", "a link", "a directory's worth of nothing"}) {
    std::filesystem::remove(name);
    if (std::string_view(what) == "other bytes") testing::write_file(name, "evil");
    if (std::string_view(what) == "a link") std::filesystem::create_symlink(plugins_ / "tool_loop.so", name);
    if (std::string_view(what).starts_with("a dir")) testing::write_file(name, "");
    const auto copy = copies_->place(source(), sha256);
    ASSERT_TRUE(copy) << what << ": " << copy.error().text;
    EXPECT_TRUE(std::filesystem::is_regular_file(std::filesystem::symlink_status(copy->file))) << what;
    EXPECT_EQ(sha256_hex(testing::read_file(copy->file)), sha256) << what;
  }
}

TEST_F(PrivateCopy, IsNotMadeOfWhatIsNoWholeLibrary) {
  testing::write_file(plugins_ / "text.so", "no library");
  EXPECT_THAT(copies_->place(source("text.so"), std::nullopt).error().text,
              AllOf(HasSubstr("text.so"), HasSubstr("is no ELF library")));
  plugins_.put("tool_loop", "half.so");
  std::filesystem::resize_file(plugins_ / "half.so", 9000);
  EXPECT_THAT(copies_->place(source("half.so"), plugins_.sha256_of("half.so")).error().text, HasSubstr("is cut off"));
  EXPECT_EQ(count(path_), 0U);
}

TEST_F(PrivateCopy, StaysWhileSomebodyHoldsIt) {
  auto held = *copies_->place(source(), std::nullopt);
  plugins_.put("slow_step", "slow_step.so");
  const auto file = copies_->place(source("slow_step.so"), std::nullopt)->file;
  testing::write_file(path_ / ".new-1-1", "a draft whose process was killed");
  const auto other_process = *PrivateDirectory::open(path_);
  other_process->remove_unused();
  EXPECT_TRUE(std::filesystem::exists(held.file));
  EXPECT_FALSE(std::filesystem::exists(file));
  EXPECT_EQ(count(path_), 1U);
  held.hold.reset();
  other_process->remove_unused();
  EXPECT_EQ(count(path_), 0U);
}

TEST_F(PrivateCopy, RefusesADirectoryOthersMayWrite) {
  ::chmod(path_.c_str(), 0777);
  EXPECT_THAT(PrivateDirectory::open(path_).error().text, HasSubstr("everybody may write to it"));
  ::chmod(path_.c_str(), 0755);
  ASSERT_TRUE(PrivateDirectory::open(path_));
  EXPECT_EQ(mode_of(path_), 0700U) << "only reading was open; that is mended";
  std::filesystem::remove_all(path_);
  std::filesystem::create_directory_symlink(plugins_.path(), path_);
  EXPECT_EQ((*PrivateDirectory::open(path_))->path(), plugins_.path())
      << "a link is an operator's decision, and checked";
}

TEST_F(PrivateCopy, TemporaryOnesGoWithTheLastUser) {
  auto temporary = *PrivateDirectory::temporary();
  const auto path = temporary->path();
  auto copy = *temporary->place(source(), std::nullopt);
  temporary.reset();
  EXPECT_TRUE(std::filesystem::exists(copy.file)) << "its hold keeps it";
  copy.hold.reset();
  EXPECT_FALSE(std::filesystem::exists(path));
}

}  // namespace
}  // namespace dunetrace::plugin::policy
