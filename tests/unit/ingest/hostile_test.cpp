// Bodies nobody sends by accident: none crashes, hangs or is accepted by mistake.
#include <gtest/gtest.h>

#include <random>

#include "bodies.hpp"

namespace dunetrace::ingest {
namespace {

using testing::admitted;
using testing::body_of;
using testing::event_with;
using testing::valid_event;

TEST(HostileBodies, NestingBombsAreRefused) {
  for (const auto* open : {"[", "{\"a\":"}) {
    std::string deep;
    for (int i = 0; i < 200'000; ++i) deep += open;
    EXPECT_FALSE(admitted(deep));
    EXPECT_FALSE(admitted(body_of(event_with("payload", "\"payload\":{\"x\":" + deep))));
  }
}

TEST(HostileBodies, ADeepPayloadIsRefusedAndAModeratelyDeepOneIsNot) {
  const auto nested = [](int depth) {
    return "\"payload\":{\"x\":" + std::string(static_cast<std::size_t>(depth), '[') +
           std::string(static_cast<std::size_t>(depth), ']') + "}";
  };
  EXPECT_TRUE(admitted(body_of(event_with("payload", nested(40)))));
  EXPECT_FALSE(admitted(body_of(event_with("payload", nested(100)))));
}

TEST(HostileBodies, ATruncatedBatchIsNeverAccepted) {
  const auto body = body_of(valid_event() + "," + valid_event());
  for (std::size_t length = 0; length < body.size(); ++length) EXPECT_FALSE(admitted(body.substr(0, length))) << length;
}

TEST(HostileBodies, MutationsAreAcceptedOnlyWithEveryFieldInOrder) {
  const auto seed =
      body_of(event_with("payload", R"("payload":{"args_hash":"eyJhIjoxfQ==","n":1e5,"s":"\u0000\ud800"})") + "," +
              valid_event());
  std::mt19937 random(20240608);
  const auto pick = [&](std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n - 1)(random); };
  int taken = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string body = seed;
    for (std::size_t edits = 1 + pick(3); edits > 0; --edits) {
      const auto at = pick(body.size());
      switch (pick(3)) {
        case 0:
          body.erase(at, 1 + pick(6));
          break;
        case 1:
          body[at] = static_cast<char>(pick(256));
          break;
        default:
          body.insert(at, body.substr(pick(body.size()), 1 + pick(12)));
      }
      if (body.empty()) body = "{";
    }
    const auto result = admitted(body);
    if (!result) {
      json::Parser parser;
      ASSERT_TRUE(parser.parse(result.error().body)) << result.error().body;
      continue;
    }
    ++taken;
    for (const auto& event : result->batch.events) {
      EXPECT_NE(event.kind, EventKind::other);
      EXPECT_FALSE(event.run_id.empty() || event.agent_id.empty() || event.agent_version.empty());
      EXPECT_GE(event.step_index, 0);
      json::Parser parser;
      const auto payload = parser.parse(event.payload);
      ASSERT_TRUE(payload && payload->is_object()) << event.payload;
      EXPECT_FALSE(json::storable(event.payload).has_value()) << event.payload;
    }
  }
  EXPECT_GT(taken, 200);
}

}  // namespace
}  // namespace dunetrace::ingest
