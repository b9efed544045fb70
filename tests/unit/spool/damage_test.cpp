// A spool file that the disk changed: the good part is kept, the file is set aside, and the log says so.
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "batches.hpp"
#include "spool/spool_file.hpp"

namespace dunetrace::spool {
namespace {

namespace fs = std::filesystem;

constexpr int kBatches = 60;

class SpoolDamage : public ::testing::Test {
 protected:
  SpoolDamage() {
    const auto spool = place.open();
    id = spool->id();
    for (int i = 0; i < kBatches; ++i) {
      EXPECT_EQ(append_now(*spool, make_batch(std::to_string(i), 5, i, 4'000)), Append::accepted);
    }
    end = spool->read(1'000'000, {}, std::chrono::steady_clock::now()).end;
  }

  void change(std::size_t at, std::size_t bytes, char mask) {
    auto content = testing::read_file(place.file);
    ASSERT_LE(at + bytes, content.size());
    for (std::size_t i = at; i < at + bytes; ++i) content[i] = static_cast<char>(content[i] ^ mask);
    testing::write_file(place.file, content);
  }

  // The spools that were set aside, without what SQLite keeps beside them.
  [[nodiscard]] std::vector<fs::path> set_aside() const {
    std::vector<fs::path> found;
    for (const auto& entry : fs::directory_iterator(place.file.parent_path())) {
      const auto name = entry.path().filename().string();
      if (name.starts_with("ingest.db.damaged-") && !name.ends_with("-wal") && !name.ends_with("-shm"))
        found.push_back(entry.path());
    }
    return found;
  }

  // What comes out was put in, in order; newcomers get positions of their own.
  void expect_usable(DiskSpool& spool, std::size_t least) {
    const auto found = drain(spool);
    EXPECT_GE(found.size(), least);
    int before = -1;
    for (const auto& batch : found) {
      EXPECT_GT(std::stoi(batch), before);
      before = std::stoi(batch);
    }
    EXPECT_LT(before, kBatches);
    ASSERT_EQ(append_now(spool, make_batch("new", 1)), Append::accepted);
    EXPECT_GT(spool.read(1, {}, std::chrono::steady_clock::now()).entries.at(0).position, end);
  }

  SpoolPlace place;
  std::string id;
  std::uint64_t end = 0;
};

TEST_F(SpoolDamage, OneChangedByteOfARecordCostsThatBatch) {
  const auto content = testing::read_file(place.file);
  change(content.find("xxxx", content.size() / 2) + 50, 1, 0x01);
  const auto found = inspect(place.file).value();
  ASSERT_EQ(found.problems.size(), 1u);
  EXPECT_NE(found.problems[0].find("batch at position "), std::string::npos) << found.problems[0];
  const auto spool = place.open();
  EXPECT_EQ(spool->id(), id);
  EXPECT_EQ(spool->events(), (kBatches - 1) * 5u);
  expect_usable(*spool, kBatches - 1);
  EXPECT_TRUE(place.log.contains("spool.damaged"));
  EXPECT_TRUE(place.log.contains(R"("kept_batches":59)")) << place.log.text();
  EXPECT_EQ(set_aside().size(), 1u);
}

TEST_F(SpoolDamage, APageOfNoiseInTheMiddleCostsWhatLayOnIt) {
  change(testing::read_file(place.file).size() / 2, 8'192, 0x5a);
  const auto spool = place.open();
  EXPECT_EQ(spool->id(), id);
  expect_usable(*spool, kBatches - 8);
}

TEST_F(SpoolDamage, AFileCutInHalfKeepsItsFront) {
  fs::resize_file(place.file, fs::file_size(place.file) / 2 / 8'192 * 8'192);
  const auto spool = place.open();
  expect_usable(*spool, 1);
  EXPECT_TRUE(place.log.contains("spool.damaged"));
}

TEST_F(SpoolDamage, AFileThatIsNoDatabaseIsSetAsideWhole) {
  change(0, 100, 0x5a);
  const auto spool = place.open();
  EXPECT_EQ(spool->id(), id) << "the id is kept beside the file, too";
  expect_usable(*spool, 0);
  EXPECT_FALSE(set_aside().empty());
  EXPECT_TRUE(place.log.contains("file is not a database")) << place.log.text();
}

TEST_F(SpoolDamage, ASecondStartFindsASoundFile) {
  change(testing::read_file(place.file).size() / 3, 4'000, 0x5a);
  { const auto mended = place.open(); }
  const auto found = inspect(place.file).value();
  EXPECT_TRUE(found.problems.empty());
  const auto spool = place.open();
  EXPECT_EQ(set_aside().size(), 1u);
}

TEST_F(SpoolDamage, AStartThatEndedWhileMendingIsFinished) {
  fs::rename(place.file, place.file.string() + ".mending");
  const auto spool = place.open();
  expect_usable(*spool, kBatches);
}

TEST_F(SpoolDamage, WhatWasSetAsideCanStillBeLookedIntoWithItsLog) {
  testing::TempDir copies;
  const auto copy = copies / "ingest.db";
  std::string log_kept;
  {
    const auto spool = place.open();
    ASSERT_EQ(append_now(*spool, make_batch("only in the log", 1)), Append::accepted);
    testing::write_file(copy, testing::read_file(place.file));
    log_kept = testing::read_file(place.file.string() + "-wal");
  }
  testing::write_file(place.file, testing::read_file(copy));  // as a power loss leaves it: the log is not carried over
  testing::write_file(place.file.string() + "-wal", log_kept);
  const auto content = testing::read_file(place.file);
  change(content.find("xxxx", content.size() / 2) + 50, 1, 0x01);
  { const auto mended = place.open(); }
  ASSERT_EQ(set_aside().size(), 1u);
  const auto aside = inspect(set_aside()[0]).value();
  EXPECT_EQ(aside.rows.size(), kBatches);
  EXPECT_EQ(aside.problems.size(), 1u);
}

TEST_F(SpoolDamage, TwoOfTheSameSecondAreBothKept) {
  for (int i = 0; i < 2; ++i) {
    const auto content = testing::read_file(place.file);
    change(content.find("xxxx", content.size() / 2) + 50, 1, 0x01);
    const auto mended = place.open();
  }
  EXPECT_EQ(set_aside().size(), 2u);
}

TEST_F(SpoolDamage, AnyDamageLeavesAUsableSpool) {
  const auto content = testing::read_file(place.file);
  for (unsigned seed = 0; seed < 25; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    SpoolPlace other;
    auto damaged = content;
    for (unsigned hits = 0; hits < 1 + seed % 4; ++hits) {
      // The first pages hold what leads to the others, so they get more than their share.
      const auto at = random() % (seed % 2 == 0 ? damaged.size() : 5 * 8'192);
      for (std::size_t i = at; i < std::min(damaged.size(), at + 1 + random() % 300); ++i) {
        damaged[i] = static_cast<char>(random());
      }
    }
    testing::write_file(other.file, damaged);
    const auto spool = other.open();
    expect_usable(*spool, 0);
  }
}

}  // namespace
}  // namespace dunetrace::spool
