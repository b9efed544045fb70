// Events that the database refuses: kept aside whole, and stored once the reason is gone.
#include "store/dead_letters.hpp"

#include "fixture.hpp"

namespace dunetrace::ingest {
namespace {

class DeadLettersTest : public IngestTest {
 protected:
  // Nothing that passes admission is refused by the real table, so the table is made stricter.
  void refuse_step_13() { database.exec("ALTER TABLE events ADD CONSTRAINT unlucky CHECK (step_index <> 13)"); }
  std::vector<store::DeadLetter> letters() { return store::list_dead_letters(database.db(), 0, 100).value(); }
  void put_one_aside() {
    refuse_step_13();
    start();
    ASSERT_EQ(post(batch(run_events("r-1", 0, 40, true))).status, 202);
    ASSERT_TRUE(stored(39));
  }
};

TEST_F(DeadLettersTest, NamesTheEventAndTheReason) {
  put_one_aside();
  const auto found = letters();
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].customer_id, "dev_customer");
  EXPECT_EQ(found[0].run_id, "r-1");
  EXPECT_EQ(found[0].event_type, "tool.called");
  EXPECT_EQ(found[0].step_index, 13);
  EXPECT_EQ(found[0].attempts, 1);
  EXPECT_NE(found[0].reason.find("unlucky"), std::string::npos) << found[0].reason;
  EXPECT_EQ(database.scalar("SELECT event_count FROM runs"), "39");
  EXPECT_NE(database.metrics().text().find("dunetrace_ingest_events_put_aside_total 1\n"), std::string::npos);
}

TEST_F(DeadLettersTest, ARetryStoresItWhenTheReasonIsGone) {
  put_one_aside();
  const auto id = letters().at(0).id;
  const auto again = store::retry_dead_letter(database.db(), id);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Code::invalid_argument);
  EXPECT_EQ(letters().at(0).attempts, 2);
  database.exec("ALTER TABLE events DROP CONSTRAINT unlucky");
  ASSERT_TRUE(store::retry_dead_letter(database.db(), id));
  EXPECT_TRUE(letters().empty());
  EXPECT_EQ(count(), 40);
  EXPECT_EQ(database.scalar("SELECT event_count FROM runs"), "40");
  EXPECT_EQ(database.scalar("SELECT payload::text FROM events WHERE step_index = 13"), R"({"n": 13})");
  EXPECT_EQ(store::retry_dead_letter(database.db(), id).error().code, Code::not_found);
}

TEST_F(DeadLettersTest, ADroppedOneIsGone) {
  put_one_aside();
  const auto id = letters().at(0).id;
  ASSERT_TRUE(store::drop_dead_letter(database.db(), id));
  EXPECT_TRUE(letters().empty());
  EXPECT_EQ(store::drop_dead_letter(database.db(), id).error().code, Code::not_found);
}

TEST_F(DeadLettersTest, ARestartDoesNotPutItAsideAgain) {
  put_one_aside();
  ASSERT_TRUE(role->stop(std::chrono::seconds(5)));
  role.reset();
  start();
  ASSERT_EQ(post(batch(run_events("r-2", 0, 5, true))).status, 202);
  ASSERT_TRUE(stored(44));
  EXPECT_EQ(letters().size(), 1u);
}

}  // namespace
}  // namespace dunetrace::ingest
