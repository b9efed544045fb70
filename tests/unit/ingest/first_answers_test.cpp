#include "ingest/first_answers.hpp"

#include <gtest/gtest.h>

#include "testing/fake_clock.hpp"

namespace dunetrace::ingest {
namespace {

using Turn = FirstAnswers::Turn;

constexpr double kDay = 86'400;
constexpr std::uint64_t kRequest = 7;

spool::FirstAnswer answer_at(double at) { return {"key", "batch", 3, at, kRequest}; }

TEST(FirstAnswers, AreKeptForADayWhateverIsMadeOfTheClock) {
  testing::FakeClock clock(1'700'000'000);
  FirstAnswers answers({answer_at(clock.unix_seconds() - 500 * kDay)}, clock);  // so the clock says
  for (const double leap : {-10 * 365 * kDay, 400 * kDay, 0.0}) {
    clock.set_unix_seconds(1'700'000'000 + leap);
    std::string found;
    EXPECT_EQ(answers.begin("key", kRequest, [&](const auto& known) { found = known->batch_id; }), Turn::repeated)
        << leap;
    EXPECT_EQ(found, "batch");
    const auto later = "later" + std::to_string(leap);
    ASSERT_EQ(answers.begin(later, kRequest, {}), Turn::first);
    auto own = answer_at(clock.unix_seconds());
    own.key = later;
    answers.settle(later, own);
    EXPECT_EQ(answers.begin(later, kRequest, [](const auto&) {}), Turn::repeated) << leap;
  }
  clock.advance(std::chrono::hours(23));
  EXPECT_EQ(answers.begin("key", kRequest, [](const auto&) {}), Turn::repeated);
  clock.advance(std::chrono::hours(2));
  EXPECT_EQ(answers.begin("key", kRequest, {}), Turn::first) << "a day has passed";
}

}  // namespace
}  // namespace dunetrace::ingest
