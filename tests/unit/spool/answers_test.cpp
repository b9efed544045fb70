// First answers by Idempotency-Key in the spool's file: through restarts and damage, and never too many.
#include <gtest/gtest.h>

#include "batches.hpp"
#include "spool/spool_file.hpp"
#include "testing/fake_clock.hpp"
#include "testing/wait.hpp"

namespace dunetrace::spool {
namespace {

AcceptedBatch with_key(const std::string& key, double at, std::size_t payload_bytes = 20) {
  auto batch = make_batch("batch-" + key, 3, 0, payload_bytes);
  batch.idempotency_key = key;
  batch.request_hash = 7;
  batch.accepted_at = at;
  return batch;
}

std::vector<std::string> keys(const std::vector<FirstAnswer>& answers) {
  std::vector<std::string> found;
  for (const auto& answer : answers) found.push_back(answer.key);
  return found;
}

using Keys = std::vector<std::string>;

class SpoolAnswers : public ::testing::Test {
 protected:
  SpoolPlace place;
  const double now = place.clock.unix_seconds();
};

TEST_F(SpoolAnswers, ComeBackAfterARestart) {
  ASSERT_EQ(append_now(*place.open(), with_key("a", now - 5)), Append::accepted);
  const auto spool = place.open();
  const auto answers = spool->take_kept_answers();
  ASSERT_EQ(keys(answers), Keys{"a"});
  EXPECT_EQ(answers[0].batch_id, "batch-a");
  EXPECT_EQ(answers[0].events, 3u);
  EXPECT_EQ(answers[0].at, now - 5);
  EXPECT_EQ(answers[0].request_hash, 7u);
}

TEST_F(SpoolAnswers, TheOldestGoWhenTheyAreTooMany) {
  {
    const auto spool = place.open({.most_answers = 4});
    for (int i = 0; i < 10; ++i) {
      ASSERT_EQ(append_now(*spool, with_key(std::to_string(i), now - 100 + i)), Append::accepted);
    }
    static_cast<void>(drain(*spool));  // old ones are removed together with what is acknowledged
  }
  EXPECT_EQ(keys(place.open({.most_answers = 4})->take_kept_answers()), (Keys{"6", "7", "8", "9"}));
}

TEST_F(SpoolAnswers, SoDoThoseOfADayAgoWhateverTheClockWasSetTo) {
  constexpr double kYear = 365 * 86'400;
  {
    testing::FakeClock clock(now);
    const auto spool = DiskSpool::open({.file = place.file}, clock, place.log.logger()).value();
    ASSERT_EQ(append_now(*spool, with_key("old", now + kYear)), Append::accepted);
    clock.advance(std::chrono::hours(25));
    ASSERT_EQ(append_now(*spool, with_key("new", now - kYear)), Append::accepted);
    static_cast<void>(drain(*spool));
  }
  {
    const auto spool = place.open();
    ASSERT_EQ(append_now(*spool, with_key("newer", now + 2 * kYear)), Append::accepted);
    static_cast<void>(drain(*spool));
  }
  EXPECT_EQ(keys(place.open()->take_kept_answers()), (Keys{"new", "newer"}));
}

TEST_F(SpoolAnswers, SurviveDamageElsewhere) {
  {
    const auto spool = place.open();
    for (int i = 0; i < 40; ++i) {
      ASSERT_EQ(append_now(*spool, with_key(std::to_string(i), now - i, 4'000)), Append::accepted);
    }
  }
  auto content = testing::read_file(place.file);
  content[content.find("xxxx", content.size() / 2) + 50] ^= 1;  // a byte of some batch's record
  testing::write_file(place.file, content);
  const auto spool = place.open();
  ASSERT_TRUE(place.log.contains("spool.damaged"));
  EXPECT_EQ(spool->events(), 39 * 3u);
  EXPECT_EQ(spool->take_kept_answers().size(), 40u);
}

TEST_F(SpoolAnswers, AFileOfBeforeRequestsWereToldApartIsTakenOver) {
  ASSERT_EQ(append_now(*place.open(), with_key("a", now)), Append::accepted);
  {
    auto old = Connection::open(place.file, Connection::Mode::read_write).value();
    ASSERT_TRUE(old.exec("ALTER TABLE answers DROP COLUMN request_hash"));
  }
  const auto answers = place.open()->take_kept_answers();
  ASSERT_EQ(keys(answers), Keys{"a"});
  EXPECT_EQ(answers[0].request_hash, 0u);
}

}  // namespace
}  // namespace dunetrace::spool
