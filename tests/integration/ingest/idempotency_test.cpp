// Idempotency-Key: a request that is sent again gets the first answer, and its events are stored once; another request
// under a used key is refused.
#include <future>

#include "fixture.hpp"
#include "store/keys.hpp"

namespace dunetrace::ingest {
namespace {

class IdempotencyTest : public IngestTest {
 protected:
  http::ClientResponse send(const std::string& key, int events = 3, const std::string& secret = "") {
    return post(batch(run_events("r", 0, events, false), secret), {{"Idempotency-Key", key}});
  }
};

TEST_F(IdempotencyTest, TheFirstAnswerComesAgain) {
  start();
  const auto first = send("k1");
  ASSERT_EQ(first.status, 202);
  const auto again = send("k1");
  EXPECT_EQ(again.status, 202);
  EXPECT_EQ(again.body, first.body);
  EXPECT_NE(send("k2").body, first.body);
  EXPECT_TRUE(stored(6)) << count();
}

TEST_F(IdempotencyTest, AnotherRequestUnderAUsedKeyIsToldSo) {
  start();
  const auto first = send("k1");
  const auto other = send("k1", 2);
  EXPECT_EQ(other.status, 422);
  EXPECT_EQ(other.body, R"({"detail":[{"type":"value_error","loc":["header","Idempotency-Key"],)"
                        R"("msg":"another request has used this key; nothing of this one is stored"}]})");
  EXPECT_EQ(send("k1").body, first.body) << "the first one is still known";
  EXPECT_EQ(send("k2", 2).status, 202);
  EXPECT_TRUE(stored(5)) << count();
  EXPECT_NE(database.metrics().text().find("dunetrace_ingest_refused_total{reason=\"key_reused\"} 1\n"),
            std::string::npos);
}

TEST_F(IdempotencyTest, AlsoAfterARestart) {
  start();
  const auto first = send("k1");
  ASSERT_TRUE(stored(3));
  role.reset();
  start();
  EXPECT_EQ(send("k1").body, first.body);
  EXPECT_EQ(send("k1", 2).status, 422) << "the request is known again, too";
  ASSERT_EQ(send("k2").status, 202);
  EXPECT_TRUE(stored(6)) << count();
}

TEST_F(IdempotencyTest, EachCustomerHasKeysOfItsOwn) {
  const auto a = store::create_key(database.db(), "a", {}, {"ingest"}).value().secret;
  const auto b = store::create_key(database.db(), "b", {}, {"ingest"}).value().secret;
  start({{"AUTH_MODE", "prod"}});
  EXPECT_NE(send("k", 3, a).body, send("k", 3, b).body);
  EXPECT_TRUE(stored(6)) << count();
}

TEST_F(IdempotencyTest, AnotherCustomersKeyTellsNothing) {
  const auto a = store::create_key(database.db(), "a", {}, {"ingest"}).value().secret;
  const auto b = store::create_key(database.db(), "b", {}, {"ingest"}).value().secret;
  start({{"AUTH_MODE", "prod"}});
  ASSERT_EQ(send("k", 3, a).status, 202);
  const auto answer = send("k", 2, b);
  EXPECT_EQ(answer.status, 202) << "neither a conflict nor the other's answer";
  EXPECT_NE(answer.body.find(R"("accepted":2)"), std::string::npos) << answer.body;
}

TEST_F(IdempotencyTest, ManyAtOnceAreOne) {
  start();
  std::vector<std::future<std::string>> answers;
  for (int i = 0; i < 8; ++i) answers.push_back(std::async(std::launch::async, [&] { return send("k").body; }));
  const auto first = answers.front().get();
  for (std::size_t i = 1; i < answers.size(); ++i) EXPECT_EQ(answers[i].get(), first);
  ASSERT_EQ(send("other").status, 202);
  EXPECT_TRUE(stored(6)) << count();
}

TEST_F(IdempotencyTest, WhatWasRefusedIsNoAnswer) {
  start();
  EXPECT_EQ(post("{}", {{"Idempotency-Key", "k"}}).status, 422);
  EXPECT_EQ(send("k").status, 202);
  EXPECT_TRUE(stored(3)) << count();
}

TEST_F(IdempotencyTest, RefusesWhatIsNoKey) {
  start();
  const auto answer = send(std::string(256, 'k'));
  EXPECT_EQ(answer.status, 422);
  EXPECT_NE(answer.body.find(R"("loc":["header","Idempotency-Key"])"), std::string::npos) << answer.body;
  EXPECT_EQ(send("a b").status, 422);
  const auto two = post(batch(run_events("r", 0, 1, false)), {{"Idempotency-Key", "a"}, {"idempotency-key", "b"}});
  EXPECT_EQ(two.status, 422);
  EXPECT_NE(two.body.find("it may be there once only"), std::string::npos) << two.body;
}

TEST_F(IdempotencyTest, AlsoWithTheSpoolInMemory) {
  start({{"SPOOL_DURABILITY", "memory"}});
  const auto first = send("k1");
  EXPECT_EQ(send("k1").body, first.body);
  EXPECT_TRUE(stored(3)) << count();
}

}  // namespace
}  // namespace dunetrace::ingest
