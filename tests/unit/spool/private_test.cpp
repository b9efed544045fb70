// Nobody else may read what was accepted.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "batches.hpp"

namespace dunetrace::spool {
namespace {

namespace fs = std::filesystem;
using fs::perms;

class PrivateSpool : public ::testing::Test {
 protected:
  PrivateSpool() : before_(::umask(0)) {}  // everything would be open to everybody
  ~PrivateSpool() override { ::umask(before_); }

  void expect_private(const std::vector<std::string>& names) {
    EXPECT_EQ(fs::status(place_.file.parent_path()).permissions(), perms(0700));
    for (const auto& name : names) {
      EXPECT_EQ(fs::status(place_.file.parent_path() / name).permissions(), perms(0600)) << name;
    }
  }

  SpoolPlace place_;

 private:
  const mode_t before_;
};

TEST_F(PrivateSpool, IsMadeForItsUserAlone) {
  const auto spool = place_.open();
  ASSERT_EQ(append_now(*spool, make_batch("a", 3)), Append::accepted);
  expect_private({"ingest.db", "ingest.db-wal", "ingest.db-shm", "ingest.id", "ingest.lock"});
}

TEST_F(PrivateSpool, WhatAnOlderVersionLeftIsClosedToOthers) {
  const auto directory = place_.file.parent_path();
  const std::string damaged = "ingest.db.damaged-20260101T000000Z";
  {
    const auto spool = place_.open();
    ASSERT_EQ(append_now(*spool, make_batch("a", 3)), Append::accepted);
  }
  std::ofstream(directory / damaged) << "events";
  std::ofstream(directory / "of_somebody_else") << "not ours";
  fs::permissions(directory, perms(0755));
  for (const auto& file : fs::directory_iterator(directory)) fs::permissions(file, perms(0644));
  const auto spool = place_.open();
  EXPECT_EQ(ids(*spool), std::vector<std::string>{"a"});
  expect_private({"ingest.db", "ingest.db-wal", "ingest.db-shm", "ingest.id", "ingest.lock", damaged});
  EXPECT_EQ(fs::status(directory / "of_somebody_else").permissions(), perms(0644));
}

TEST_F(PrivateSpool, SoAreADamagedFileAndWhatIsKeptOfIt) {
  {
    const auto spool = place_.open();
    ASSERT_EQ(append_now(*spool, make_batch("a", 3)), Append::accepted);
  }
  fs::resize_file(place_.file, 5'000);
  const auto spool = place_.open();
  int aside = 0;
  for (const auto& file : fs::directory_iterator(place_.file.parent_path())) {
    EXPECT_EQ(file.status().permissions(), perms(0600)) << file.path();
    aside += file.path().string().find(".damaged-") != std::string::npos ? 1 : 0;
  }
  EXPECT_GE(aside, 1);
}

}  // namespace
}  // namespace dunetrace::spool
