#include "spool/record.hpp"

#include <gtest/gtest.h>

#include "batches.hpp"

namespace dunetrace::spool {
namespace {

bool same(std::string_view a, std::string_view b) { return a == b && (a.data() == nullptr) == (b.data() == nullptr); }

TEST(Record, GivesBackEveryMember) {
  const auto batch = make_batch("b-1", 9);
  const auto back = from_record(to_record(batch)).value();
  EXPECT_EQ(back.batch_id, batch.batch_id);
  EXPECT_EQ(back.customer_id, batch.customer_id);
  ASSERT_EQ(back.events.size(), batch.events.size());
  for (std::size_t i = 0; i < batch.events.size(); ++i) {
    const auto &a = batch.events[i], &b = back.events[i];
    EXPECT_EQ(a.kind, b.kind);
    EXPECT_EQ(a.step_index, b.step_index);
    EXPECT_EQ(a.timestamp, b.timestamp);
    EXPECT_EQ(a.prompt_tokens, b.prompt_tokens);
    EXPECT_EQ(a.completion_tokens, b.completion_tokens);
    EXPECT_EQ(a.run_id, b.run_id);
    EXPECT_EQ(a.agent_id, b.agent_id);
    EXPECT_EQ(a.agent_version, b.agent_version);
    EXPECT_EQ(a.payload, b.payload);
    EXPECT_TRUE(same(a.parent_run_id, b.parent_run_id)) << i;
    EXPECT_TRUE(same(a.model, b.model)) << i;
  }
}

TEST(Record, TakesEmptyTextsAndNoEvents) {
  AcceptedBatch batch;
  EXPECT_TRUE(from_record(to_record(batch)).value().events.empty());
  batch.events.resize(2);
  EXPECT_EQ(from_record(to_record(batch)).value().events.size(), 2u);
}

TEST(Record, RefusesEveryShorterOne) {
  const auto whole = to_record(make_batch("b-1", 4));
  for (std::size_t size = 0; size < whole.size(); ++size) EXPECT_FALSE(from_record(whole.substr(0, size))) << size;
  EXPECT_FALSE(from_record(whole + "x"));
}

TEST(Record, SurvivesEveryChangedByte) {
  const auto whole = to_record(make_batch("b-1", 4));
  for (std::size_t at = 0; at < whole.size(); ++at) {
    auto changed = whole;
    changed[at] = static_cast<char>(changed[at] ^ 0xff);
    static_cast<void>(from_record(changed));  // sense or error, never a crash
    EXPECT_NE(checksum(changed), checksum(whole)) << at;
  }
}

}  // namespace
}  // namespace dunetrace::spool
