// What COPY gives a meaning to comes out of the database as it went in.
#include <gtest/gtest.h>

#include <pqxx/pqxx>

#include "store/ingest_rows.hpp"
#include "testing/postgres.hpp"

namespace dunetrace::store {
namespace {

class CopyRowsTest : public ::testing::Test {
 protected:
  void add(std::string_view run, std::string_view payload = "{}", std::string_view parent = {}) {
    AcceptedEvent event;
    event.kind = EventKind::tool_called;
    event.step_index = static_cast<std::int32_t>(batch.events.size());
    event.timestamp = 1767225600.123456;
    event.run_id = run;
    event.agent_id = "agent";
    event.agent_version = "";
    event.payload = payload;
    event.parent_run_id = parent;
    batch.events.push_back(event);
  }
  void write() {
    batch.batch_id = "batch";
    batch.customer_id = "customer";
    const BatchSlice slice{&batch, 0, batch.events.size(), 0};
    const auto written = write_events(database.db(), {"00000000-0000-4000-8000-000000000001", true}, {&slice, 1});
    ASSERT_TRUE(written) << written.error().text;
  }
  [[nodiscard]] std::string of_step(const std::string& column, std::size_t step) const {
    return database.scalar("SELECT " + column + " FROM events WHERE step_index = " + std::to_string(step));
  }

  AcceptedBatch batch;
  testing::TestDatabase database;
};

TEST_F(CopyRowsTest, TextsComeOutAsTheyWentIn) {
  const std::vector<std::string> texts{"a\tb",
                                       "a\nb",
                                       "a\r\nb",
                                       "\\",
                                       "\\N",
                                       "\\.",
                                       "\\.\n",
                                       "a\\tb",
                                       "\v\f\b\x01\x7f",
                                       " a b ",
                                       "\xC3\xA4\xF0\x9F\x98\x80",
                                       "\t",
                                       "\n",
                                       "'\"$1",
                                       std::string(100'000, '\\')};
  for (const auto& text : texts) add(text, "{}", text);
  write();
  for (std::size_t i = 0; i < texts.size(); ++i) {
    EXPECT_EQ(of_step("run_id", i), texts[i]) << i;
    EXPECT_EQ(of_step("parent_run_id", i), texts[i]) << i;
  }
}

TEST_F(CopyRowsTest, NothingIsNullAndEmptyIsEmpty) {
  add("r");
  write();
  EXPECT_EQ(of_step("parent_run_id IS NULL", 0), "t");
  EXPECT_EQ(of_step("agent_version = ''", 0), "t");
  EXPECT_EQ(of_step("timestamp", 0), "1767225600.123456");
}

TEST_F(CopyRowsTest, EscapesOfAPayloadStayEscapes) {
  add("r", R"({"text":"a\tb\\c\"d\u00e4"})");
  write();
  EXPECT_EQ(of_step("payload->>'text'", 0), "a\tb\\c\"d\xC3\xA4");
}

// Rows go in chunks of some 32 KB: at every length of a row, their ends fall elsewhere.
TEST_F(CopyRowsTest, NoRowIsLostOrDoubledWhereChunksEnd) {
  std::vector<std::string> payloads;
  for (std::size_t i = 0; i < 3'000; ++i) payloads.push_back(R"({"n":")" + std::string(i % 700, 'x') + R"("})");
  for (const auto& payload : payloads) add("r", payload);
  write();
  EXPECT_EQ(database.scalar("SELECT count(*) || ' ' || count(DISTINCT step_index) FROM events"), "3000 3000");
  EXPECT_EQ(database.scalar("SELECT count(*) FROM events WHERE length(payload->>'n') <> step_index % 700"), "0");
}

}  // namespace
}  // namespace dunetrace::store
