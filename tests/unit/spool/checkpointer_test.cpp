// The log beside the spool file does not grow for ever while batches keep coming.
#include "spool/checkpointer.hpp"

#include <gtest/gtest.h>

#include "batches.hpp"
#include "spool/record.hpp"
#include "testing/wait.hpp"

namespace dunetrace::spool {
namespace {

using std::chrono::steady_clock;

// Commits one record after the other; a position per record.
class CheckpointerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directories(place.file.parent_path());
    writing.emplace(SpoolFile::open(place.file).value());
    writing->count_log_pages();
  }
  void commit() {
    const Row row{next, record.size(), 1.0, 1};
    ASSERT_TRUE(writing->transaction([&] { return writing->insert(row, record); }));
    ++next;
  }

  SpoolPlace place;
  std::optional<SpoolFile> writing;
  const std::string record = to_record(make_batch("b", 1, 0, 20'000));
  std::uint64_t next = 0;
};

TEST_F(CheckpointerTest, WithoutItTheLogOnlyGrows) {
  std::size_t before = 0;
  for (int i = 0; i < 50; ++i) {
    commit();
    ASSERT_GT(writing->log_pages(), before);
    before = writing->log_pages();
  }
}

TEST_F(CheckpointerTest, TheLogBeginsAnewWithoutAPauseOfTheCommits) {
  Checkpointer checkpointer(SpoolFile::open(place.file).value(), place.log.logger(), {.pages = 20, .long_log = 60});
  const auto until = steady_clock::now() + testing::kWaitLimit;
  std::size_t before = 0;
  int begun = 0;
  for (; begun < 3 && steady_clock::now() < until; before = writing->log_pages()) {
    commit();
    if (writing->log_pages() < before) ++begun;
    checkpointer.committed(*writing);
  }
  EXPECT_EQ(begun, 3);
}

TEST_F(CheckpointerTest, WhatWasCarriedOverIsWholeAndInTheFile) {
  {
    Checkpointer checkpointer(SpoolFile::open(place.file).value(), place.log.logger(), {.pages = 20, .long_log = 60});
    for (int i = 0; i < 200; ++i) {
      commit();
      checkpointer.committed(*writing);
    }
  }
  EXPECT_GT(std::filesystem::file_size(place.file), 20 * 8'192u);
  const auto found = inspect(place.file);
  ASSERT_TRUE(found) << found.error().text;
  EXPECT_TRUE(found->problems.empty()) << found->problems.front();
  EXPECT_EQ(found->rows.size(), 200u);
}

}  // namespace
}  // namespace dunetrace::spool
