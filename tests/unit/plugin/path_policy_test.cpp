#include "plugin/path_policy.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "plugin/registry.hpp"
#include "testing/temp_dir.hpp"
#include "testing/test_log.hpp"

namespace dunetrace::plugin {
namespace {

class PathPolicy : public ::testing::Test {
 protected:
  static constexpr auto kLibrary = DUNE_BINARY_DIR "/lib/dunetrace/plugins/tool_loop.so";

  std::filesystem::path make(const std::string& name, mode_t mode) {
    const auto path = dir_.path() / name;
    std::filesystem::copy_file(kLibrary, path);
    ::chmod(path.c_str(), mode);
    return path;
  }
  testing::TempDir dir_;
};

TEST_F(PathPolicy, AcceptsOwnDirectoriesBelowTmp) { EXPECT_TRUE(check_directory(dir_.path())); }

TEST_F(PathPolicy, RefusesDirectoriesThatOthersMayWrite) {
  const auto inner = dir_.path() / "open";
  std::filesystem::create_directory(inner);
  ::chmod(inner.c_str(), 0777);
  const auto refused = check_directory(inner);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().text.find("chmod go-w"), std::string::npos) << refused.error().text;
}

TEST_F(PathPolicy, RefusesRelativeAndAbsentDirectories) {
  EXPECT_EQ(check_directory("plugins").error().code, Code::invalid_argument);
  EXPECT_EQ(check_directory(dir_.path() / "nowhere").error().code, Code::not_found);
}

TEST_F(PathPolicy, RefusesFilesThatAreNotPlainlyOurs) {
  EXPECT_TRUE(check_file(make("a.so", 0644)));
  EXPECT_FALSE(check_file(make("b.so", 0666)));
  EXPECT_FALSE(check_file(make("c.so", 04755)));
  EXPECT_FALSE(check_file(make("d.txt", 0644)));
  std::filesystem::create_symlink(dir_.path() / "a.so", dir_.path() / "link.so");
  EXPECT_FALSE(check_file(dir_.path() / "link.so"));
  ASSERT_EQ(::mkfifo((dir_.path() / "pipe.so").c_str(), 0644), 0);
  EXPECT_FALSE(check_file(dir_.path() / "pipe.so"));
}

TEST_F(PathPolicy, RefusesAnotherUsersFile) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give a file to somebody else";
  const auto path = make("theirs.so", 0644);
  ASSERT_EQ(::chown(path.c_str(), 12345, 12345), 0);
  EXPECT_NE(check_file(path).error().text.find("belongs to user 12345"), std::string::npos);
}

TEST_F(PathPolicy, SaysThatAFileIsNoLibrary) {
  testing::TestLog log;
  std::ofstream(dir_.path() / "text.so") << "no library";
  const auto loaded = Registry::load(dir_.path(), {}, log.logger());
  ASSERT_FALSE(loaded);
  EXPECT_NE(loaded.error().text.find("text.so"), std::string::npos) << loaded.error().text;
}

TEST_F(PathPolicy, RefusesAHalfCopiedLibraryInsteadOfMappingIt) {
  const auto path = make("half.so", 0644);
  ASSERT_TRUE(check_file(path));
  // Debug information and section headers fill the end and are not mapped; the cuts are where code and data lie.
  for (const auto size : {16384, 9000, 4096, 64, 0}) {
    std::filesystem::resize_file(path, static_cast<std::uintmax_t>(size));
    EXPECT_FALSE(check_file(path)) << size;
  }
}

TEST_F(PathPolicy, SaysThatADirectoryIsEmpty) {
  testing::TestLog log;
  EXPECT_NE(Registry::load(dir_.path(), {}, log.logger()).error().text.find("holds no plugin"), std::string::npos);
}

}  // namespace
}  // namespace dunetrace::plugin
