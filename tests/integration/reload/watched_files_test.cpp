#include "cli/watched_files.hpp"

#include <gtest/gtest.h>

#include "testing/temp_dir.hpp"

namespace dunetrace::cli {
namespace {

namespace fs = std::filesystem;
using testing::TempDir;
using testing::write_file;

TEST(WatchedFiles, AFileHasAnotherIdentityWhenItIsReplacedWrittenOrGone) {
  const TempDir dir;
  const auto file = dir / "f";
  EXPECT_FALSE(identify(file).there);
  write_file(file, "one");
  const auto first = identify(file);
  EXPECT_TRUE(first.there);
  EXPECT_EQ(identify(file), first);
  write_file(dir / "g", "one");
  const auto times = fs::last_write_time(file);
  fs::rename(dir / "g", file);
  fs::last_write_time(file, times);  // size and mtime as before
  EXPECT_NE(identify(file), first);
}

TEST(WatchedFiles, ADirectoryIsItsLibrariesAndItsLock) {
  const TempDir dir;
  write_file(dir / "a.so", "");
  write_file(dir / "plugins.lock", "");
  write_file(dir / "plugins.lock.sig", "");
  write_file(dir / "readme.txt", "");
  Snapshot found;
  add_plugin_directory(dir.path(), found);
  EXPECT_EQ(found.size(), 4U);
  EXPECT_TRUE(found.at(dir.path()).there);
  write_file(dir / "notes.txt", "");
  Snapshot again;
  add_plugin_directory(dir.path(), again);
  EXPECT_EQ(found, again);
  write_file(dir / "b.so", "");
  Snapshot more;
  add_plugin_directory(dir.path(), more);
  EXPECT_NE(found, more);
}

TEST(WatchedFiles, ADirectoryThatIsNotThereHasAnIdentity) {
  const TempDir dir;
  Snapshot found;
  add_plugin_directory(dir / "none", found);
  EXPECT_EQ(found, (Snapshot{{dir / "none", Identity{}}}));
  fs::create_directories(dir / "none");
  Snapshot made;
  add_plugin_directory(dir / "none", made);
  EXPECT_NE(found, made);
}

}  // namespace
}  // namespace dunetrace::cli
