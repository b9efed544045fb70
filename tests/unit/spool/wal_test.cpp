// The log beside the spool file, cut off at every byte: what comes back is what was committed before the cut.
#include <gtest/gtest.h>
#include <sqlite3.h>

#include "batches.hpp"
#include "spool/spool_file.hpp"

namespace dunetrace::spool {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kPage = 512;  // small, so that every byte can be tried
constexpr std::size_t kWalHeader = 32, kFrame = kPage + 24;

// A file without tables whose pages are small.
void make_small_pages(const fs::path& file) {
  fs::create_directories(file.parent_path());
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open(file.c_str(), &database), SQLITE_OK);
  EXPECT_EQ(
      sqlite3_exec(database, "PRAGMA page_size = 512; CREATE TABLE x (a); DROP TABLE x;", nullptr, nullptr, nullptr),
      SQLITE_OK);
  sqlite3_close(database);
}

// A spool with a batch per transaction, and its files as a crash would leave them.
struct Crashed {
  SpoolPlace place;
  std::string database, wal;
  std::vector<std::size_t> sizes;  // of the log after each batch

  explicit Crashed(int batches) {
    make_small_pages(place.file);
    const auto spool = place.open();
    const auto log = place.file.string() + "-wal";
    for (int i = 0; i < batches; ++i) {
      EXPECT_EQ(append_now(*spool, make_batch(std::to_string(i), 2)), Append::accepted);
      sizes.push_back(fs::file_size(log));
    }
    database = testing::read_file(place.file);
    wal = testing::read_file(log);
  }
  // The files with a log of that many bytes, in a place of their own.
  void leave_in(SpoolPlace& other, std::string_view log) const {
    testing::write_file(other.file, database);
    testing::write_file(other.file.string() + "-wal", log);
    fs::remove(other.file.string() + "-shm");
  }
  [[nodiscard]] std::size_t committed(std::size_t bytes) const {
    return static_cast<std::size_t>(std::ranges::count_if(sizes, [&](auto size) { return size <= bytes; }));
  }
};

TEST(SpoolLog, CutAnywhereKeepsWhatWasCommittedBefore) {
  const Crashed crashed(3);
  ASSERT_EQ((crashed.wal.size() - kWalHeader) % kFrame, 0u);
  SpoolPlace other;
  for (std::size_t bytes = 0; bytes <= crashed.wal.size(); ++bytes) {
    crashed.leave_in(other, std::string_view(crashed.wal).substr(0, bytes));
    const auto found = inspect(other.file);
    ASSERT_TRUE(found) << bytes << ": " << found.error().text;
    // A crash ends a file behind what was written, or at a block of the disk.
    const auto of_frame = bytes > kWalHeader ? (bytes - kWalHeader) % kFrame : 0;
    ASSERT_EQ(found->problems.empty(), of_frame <= 24 || bytes % 512 == 0) << bytes;
    ASSERT_EQ(found->rows.size(), crashed.committed(bytes)) << bytes;
  }
}

TEST(SpoolLog, CutBetweenFramesTakesNewBatchesAtNewPositions) {
  const Crashed crashed(4);
  std::uint64_t highest = 0;
  {
    SpoolPlace whole;
    crashed.leave_in(whole, crashed.wal);
    const auto found = inspect(whole.file).value();
    highest = found.rows.back().end();
  }
  for (std::size_t bytes = 0; bytes <= crashed.wal.size(); bytes += bytes == 0 ? kWalHeader : kFrame) {
    SpoolPlace other;
    crashed.leave_in(other, std::string_view(crashed.wal).substr(0, bytes));
    const auto spool = other.open();
    ASSERT_EQ(append_now(*spool, make_batch("new", 1)), Append::accepted);
    std::vector<Entry> entries;  // first those of the file, then those in memory
    while (spool->events() > 0) {
      const auto group = spool->read(1'000, {}, std::chrono::steady_clock::now());
      ASSERT_FALSE(group.entries.empty());
      entries.insert(entries.end(), group.entries.begin(), group.entries.end());
      spool->acknowledge(group.end);
    }
    ASSERT_EQ(entries.size(), crashed.committed(bytes) + 1);
    for (std::size_t i = 0; i + 1 < entries.size(); ++i) EXPECT_EQ(entries[i].batch->batch_id, std::to_string(i));
    // The database may have stored more than the cut log knows of.
    EXPECT_GT(entries.back().position, highest) << bytes;
  }
}

// SQLite takes it for the end, and what was promised behind it would be gone without a word.
TEST(SpoolLog, AChangedByteBeforeOtherCommitsIsReported) {
  const Crashed crashed(5);
  for (std::size_t at = kWalHeader; at < crashed.wal.size(); at += 61) {
    SCOPED_TRACE(at);
    auto log = crashed.wal;
    log[at] = static_cast<char>(log[at] ^ 0x10);
    SpoolPlace other;
    crashed.leave_in(other, log);
    const auto kept = crashed.committed(at);
    const auto spool = other.open();
    EXPECT_EQ(drain(*spool).size(), kept);
    if (kept == 3) continue;  // it depends on whether the changed byte says where a transaction ends
    const bool reported = other.log.contains("the log is damaged at byte ");
    EXPECT_EQ(reported, kept < 3) << "a crash may leave one transaction unfinished\n" << other.log.text();
  }
}

// The header is on the disk before the first frame is, so no crash leaves this.
TEST(SpoolLog, ADamagedHeaderBeforeCommitsIsReported) {
  const Crashed crashed(3);
  const auto with = [&](std::size_t at, std::size_t bytes) {
    auto log = crashed.wal;
    for (std::size_t i = at; i < at + bytes; ++i) log[i] = bytes == 1 ? static_cast<char>(~log[i]) : '\0';
    return log;
  };
  for (const auto& log : {with(0, kWalHeader), with(18, 1), with(8, 4), with(0, kWalHeader + kFrame)}) {
    SpoolPlace other;
    crashed.leave_in(other, log);
    const auto found = inspect(other.file).value();
    ASSERT_EQ(found.problems.size(), 1u);
    EXPECT_NE(found.problems[0].find("the log is damaged at byte 0"), std::string::npos) << found.problems[0];
    const auto spool = other.open();
    EXPECT_TRUE(other.log.contains("spool.damaged")) << other.log.text();
    bool kept_aside = false;
    for (const auto& entry : fs::directory_iterator(other.file.parent_path())) {
      const auto name = entry.path().filename().string();
      if (name.starts_with("ingest.db.damaged-") && name.ends_with("-wal"))
        kept_aside = testing::read_file(entry.path()) == log;
    }
    EXPECT_TRUE(kept_aside) << "whoever looks for the batches needs the log as it was found";
  }
}

TEST(SpoolLog, AHeaderThatMakesNoSenseBeforeNothingIsNoDamage) {
  const Crashed crashed(1);
  for (const auto& log : {std::string(100'000, '\0'), std::string(kWalHeader, 'x'),
                          std::string(100'000, 'x').substr(0, kWalHeader) + std::string(50'000, '\0')}) {
    SpoolPlace other;
    crashed.leave_in(other, log);
    EXPECT_TRUE(inspect(other.file).value().problems.empty());
  }
}

// What was begun anew after a checkpoint has frames of the time before behind its own.
TEST(SpoolLog, FramesOfTheTimeBeforeAreNoDamage) {
  SpoolPlace place;
  const auto spool = place.open();
  for (int i = 0; i < 20; ++i) ASSERT_EQ(append_now(*spool, make_batch(std::to_string(i), 2)), Append::accepted);
  auto file = SpoolFile::open(place.file).value();
  ASSERT_TRUE(file.carry_over());
  ASSERT_EQ(append_now(*spool, make_batch("new", 1)), Append::accepted);
  SpoolPlace other;
  testing::write_file(other.file, testing::read_file(place.file));
  testing::write_file(other.file.string() + "-wal", testing::read_file(place.file.string() + "-wal"));
  const auto found = inspect(other.file).value();
  EXPECT_TRUE(found.problems.empty()) << found.problems.front();
  EXPECT_EQ(found.rows.size(), 21u);
}

}  // namespace
}  // namespace dunetrace::spool
