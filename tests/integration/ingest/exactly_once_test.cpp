// A host that ends at any point between the spool and the database: every event is stored once. The point is made by
// doing what the writer does up to there, and starting a role on what is left.
#include "fixture.hpp"
#include "spool/disk_spool.hpp"
#include "store/ingest_rows.hpp"

namespace dunetrace::ingest {
namespace {

constexpr int kBatches = 6, kEach = 4;

class ExactlyOnceTest : public IngestTest {
 protected:
  static AcceptedBatch made(const std::string& run, int first_step) {
    AcceptedBatch batch;
    batch.batch_id = run + "-" + std::to_string(first_step);
    batch.customer_id = "dev_customer";
    auto run_id = std::make_shared<const std::string>(run);
    for (int i = 0; i < kEach; ++i) {
      AcceptedEvent event;
      event.kind = EventKind::tool_called;
      event.step_index = first_step + i;
      event.run_id = *run_id;
      event.agent_id = "agent";
      event.agent_version = "v1";
      event.payload = "{}";
      batch.events.push_back(event);
    }
    batch.storage = run_id;
    return batch;
  }

  std::unique_ptr<spool::DiskSpool> open_spool() {
    auto opened = spool::DiskSpool::open({.file = data_dir.path() / "spool/ingest.db"}, clock, database.log().logger());
    return opened ? std::move(*opened) : nullptr;
  }

  // A spool with all batches, and its group as the writer reads it.
  void fill() {
    spool = open_spool();
    ASSERT_NE(spool, nullptr);
    std::atomic<int> accepted = 0;
    for (int i = 0; i < kBatches; ++i) {
      spool->append(made("r", i * kEach), [&](spool::Append how) { accepted += how == spool::Append::accepted; });
    }
    ASSERT_TRUE(dunetrace::testing::wait_until([&] { return accepted == kBatches; }));
    group = spool->read(1'000'000, {}, std::chrono::steady_clock::now());
    ASSERT_EQ(group.entries.size(), static_cast<std::size_t>(kBatches));
    for (const auto& [position, batch] : group.entries)
      slices.push_back({batch.get(), 0, batch->events.size(), position});
  }

  Result<std::uint64_t> write(std::span<const store::BatchSlice> what) {
    return store::write_events(database.db(), {spool->id(), true}, what);
  }

  void expect_all_once() {
    spool->finish();
    start();
    EXPECT_TRUE(stored(kBatches * kEach)) << count();
    ASSERT_EQ(post(batch(run_events("later", 0, 1, false))).status, 202);
    EXPECT_TRUE(stored(kBatches * kEach + 1)) << count();
    EXPECT_EQ(database.scalar("SELECT count(DISTINCT step_index) FROM events WHERE run_id = 'r'"), "24");
    EXPECT_EQ(database.scalar("SELECT event_count FROM runs WHERE run_id = 'r'"), "24");
    EXPECT_EQ(database.scalar("SELECT string_agg(step_index::text, ',' ORDER BY id) = string_agg(step_index::text, ',' "
                              "ORDER BY step_index) FROM events WHERE run_id = 'r'"),
              "t");
  }

  std::unique_ptr<spool::DiskSpool> spool;
  spool::ReadGroup group;
  std::vector<store::BatchSlice> slices;
};

TEST_F(ExactlyOnceTest, EndedBeforeAnythingWasWritten) {
  fill();
  expect_all_once();
}

TEST_F(ExactlyOnceTest, EndedBetweenCommitAndAcknowledgement) {
  fill();
  EXPECT_EQ(write(slices).value(), group.end);
  expect_all_once();
}

TEST_F(ExactlyOnceTest, EndedAfterSomeOfTheBatches) {
  fill();
  EXPECT_EQ(write(std::span(slices).first(2)).value(), slices[1].end());
  expect_all_once();
}

TEST_F(ExactlyOnceTest, EndedInTheMiddleOfABatch) {
  fill();
  const store::BatchSlice part{slices[0].batch, 0, 3, slices[0].position};
  EXPECT_EQ(write({&part, 1}).value(), slices[0].position + 3);
  expect_all_once();
}

TEST_F(ExactlyOnceTest, EndedAfterSomeWereAcknowledged) {
  fill();
  ASSERT_TRUE(write(std::span(slices).first(4)));
  spool->acknowledge(slices[1].end());
  expect_all_once();
}

TEST_F(ExactlyOnceTest, AGroupIsWrittenOnceHoweverOftenItIsGiven) {
  fill();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(write(slices).value(), group.end);
  EXPECT_EQ(count(), kBatches * kEach);
  EXPECT_EQ(write(std::span(slices).first(3)).value(), group.end);
  EXPECT_EQ(count(), kBatches * kEach);
}

TEST_F(ExactlyOnceTest, AnotherSpoolHasPositionsOfItsOwn) {
  fill();
  ASSERT_TRUE(write(slices));
  const auto other = store::write_events(database.db(), {"00000000-0000-4000-8000-000000000000", true}, slices);
  EXPECT_TRUE(other);
  EXPECT_EQ(count(), 2 * kBatches * kEach);
}

TEST_F(ExactlyOnceTest, ASecondRoleOnTheDirectoryIsRefusedWithOneLine) {
  start();
  auto first = std::move(role);
  auto settings = config::Settings::from(
      config::Environment::from(
          {{"HOME", "/nonexistent"}, {"DUNETRACE_INGEST_PORT", "0"}, {"DUNETRACE_DATA_DIR", data_dir.path().string()}},
          "", ".env")
          .value(),
      false);
  const auto second = Role::open(*settings, database.db(), database.log().logger(), database.metrics(), clock);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::conflict);
  EXPECT_NE(second.error().text.find("spool/ingest.lock: in use by process "), std::string::npos)
      << second.error().text;
  EXPECT_EQ(second.error().text.find('\n'), std::string::npos);
}

}  // namespace
}  // namespace dunetrace::ingest
