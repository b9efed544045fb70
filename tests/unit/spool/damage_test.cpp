// A spool file that the disk changed: the good part is kept, the file is set aside, and the log says so.
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <random>
#include <set>

#include "batches.hpp"
#include "core/ids.hpp"
#include "spool/record.hpp"
#include "spool/spool_file.hpp"

namespace dunetrace::spool {
namespace {

namespace fs = std::filesystem;

constexpr int kBatches = 60;

// Changes a file in a way that SQLite finds nothing wrong with. There is a function old_checksum(record).
void change_by_sql(const fs::path& file, const char* sql) {
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open(file.c_str(), &database), SQLITE_OK);
  const auto old_checksum = [](sqlite3_context* context, int, sqlite3_value** arguments) {
    const auto* const bytes = static_cast<const char*>(sqlite3_value_blob(arguments[0]));
    const auto size = static_cast<std::size_t>(sqlite3_value_bytes(arguments[0]));
    sqlite3_result_int64(context, static_cast<std::int64_t>(checksum({bytes, size})));
  };
  sqlite3_create_function(database, "old_checksum", 1, SQLITE_UTF8, nullptr, old_checksum, nullptr, nullptr);
  EXPECT_EQ(sqlite3_exec(database, sql, nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(database);
  sqlite3_close(database);
}

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

TEST_F(SpoolDamage, AFileThatLostAllItsBytesIsReported) {
  fs::resize_file(place.file, 0);
  const auto spool = place.open();
  EXPECT_EQ(spool->id(), id);
  expect_usable(*spool, 0);
  EXPECT_TRUE(place.log.contains("the file is empty")) << place.log.text();
  EXPECT_FALSE(set_aside().empty());
}

TEST_F(SpoolDamage, AFileThatIsGoneIsReported) {
  fs::remove(place.file);
  const auto spool = place.open();
  EXPECT_EQ(spool->id(), id);
  expect_usable(*spool, 0);
  EXPECT_TRUE(place.log.contains("the file is not there")) << place.log.text();
}

// The database takes what lies before the position it knows for something it has.
TEST_F(SpoolDamage, APositionIsNotGivenAwayTwiceHoweverOftenEverythingIsLost) {
  std::uint64_t before = end;
  for (int loss = 0; loss < 4; ++loss) {
    SCOPED_TRACE(loss);
    if (loss % 2 == 0) {
      change(0, 100, 0x5a);
    } else {
      fs::resize_file(place.file, 0);
    }
    const auto spool = place.open();
    EXPECT_EQ(spool->id(), id);
    ASSERT_EQ(append_now(*spool, make_batch("new", 1)), Append::accepted);
    const auto group = spool->read(1, {}, std::chrono::steady_clock::now());
    ASSERT_EQ(group.entries.size(), 1u);
    EXPECT_GT(group.entries[0].position, before);
    before = group.entries[0].position;
  }
}

TEST_F(SpoolDamage, AnIdThatIsNotTheOneThatWasWrittenIsReplacedByTheOneBesideTheFile) {
  change_by_sql(place.file, "UPDATE meta SET value = 'x' || substr(value, 2) WHERE name = 'id'");
  const auto spool = place.open();
  EXPECT_EQ(spool->id(), id);
  expect_usable(*spool, kBatches);
  EXPECT_TRUE(place.log.contains("the spool's id is missing or damaged")) << place.log.text();
}

// The database refuses what comes under an id that is none, and an event cannot help that.
TEST_F(SpoolDamage, RubbishBesideAFileThatIsLostIsNotTakenForAnId) {
  const auto beside = place.file.parent_path() / "ingest.id";
  for (const auto& rubbish :
       {std::string(64, '\0'), std::string(), std::string("rubbish\n17\n"), std::string(36, 'g')}) {
    testing::write_file(beside, rubbish);
    change(0, 100, 0x5a);
    {
      const auto spool = place.open();
      EXPECT_TRUE(is_uuid(spool->id())) << spool->id();
      EXPECT_NE(spool->id(), id);
      EXPECT_TRUE(place.log.contains("spool.id_damaged")) << place.log.text();
    }
    EXPECT_TRUE(is_uuid(testing::read_file(beside).substr(0, 36)));
  }
}

TEST_F(SpoolDamage, ABatchAtAnotherPositionIsNotTaken) {
  change_by_sql(place.file, "UPDATE batches SET position = 1 WHERE position = (SELECT min(position) FROM batches)");
  const auto spool = place.open();
  EXPECT_EQ(spool->events(), (kBatches - 1) * 5u);
  EXPECT_TRUE(place.log.contains("batch at position 1: ")) << place.log.text();
}

TEST_F(SpoolDamage, ANextPositionThatIsWrongIsNotBelieved) {
  for (const auto* value : {"0", "9223372036854775807", "-1", "'text'"}) {
    SCOPED_TRACE(value);
    const auto sql = std::string("DELETE FROM batches; UPDATE meta SET value = ") + value + " WHERE name = 'next'";
    change_by_sql(place.file, sql.c_str());
    const auto spool = place.open();
    ASSERT_EQ(append_now(*spool, make_batch("new", 1)), Append::accepted);
    const auto position = spool->read(1, {}, std::chrono::steady_clock::now()).entries.at(0).position;
    EXPECT_GT(position, end);
    EXPECT_LT(position, std::uint64_t{1} << 50);
    end = position;
  }
}

TEST_F(SpoolDamage, AFileOfTheFirstFormatIsReadAndBroughtUpToDate) {
  const char* const as_it_was =
      "UPDATE batches SET checksum = old_checksum(record); DELETE FROM meta WHERE name = 'id_checksum';"
      "UPDATE meta SET value = 1 WHERE name = 'format'";
  change_by_sql(place.file, as_it_was);
  {
    const auto spool = place.open();
    EXPECT_EQ(spool->id(), id);
    EXPECT_EQ(spool->events(), kBatches * 5u);
  }
  EXPECT_FALSE(place.log.contains("spool.damaged")) << place.log.text();
  change_by_sql(place.file, "UPDATE meta SET value = 'x' || substr(value, 2) WHERE name = 'id'");
  const auto spool = place.open();
  EXPECT_EQ(spool->id(), id) << "it has a checksum now";
  expect_usable(*spool, kBatches);
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
