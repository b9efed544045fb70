// Who waits for a key, and what that may cost.
#include "ingest/auth.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <new>

#include "store/keys.hpp"
#include "testing/postgres.hpp"
#include "testing/wait.hpp"

namespace dunetrace::ingest {
namespace {

using namespace std::chrono_literals;
using dunetrace::testing::wait_until;

class AuthTest : public ::testing::Test {
 protected:
  // Returns once the keys are loaded for the first time.
  void start(AuthOptions options) {
    options.dev_mode = false;
    const auto secret = store::create_key(database.db(), "acme", {}, {"ingest"}).value().secret;
    auth = std::make_unique<Auth>(options, database.db(), database.log().logger(), database.metrics());
    ASSERT_TRUE(wait_until([&] { return auth->known(secret); }));
  }
  // The place at which the answer will be.
  std::shared_ptr<std::atomic<int>> ask(std::size_t bytes) {
    auto answer = std::make_shared<std::atomic<int>>(kNone);
    auth->check("dt_live_unknown", {}, bytes, [answer](const Verdict& verdict) { *answer = as_number(verdict.kind); });
    return answer;
  }
  static int as_number(Verdict::Kind kind) { return static_cast<int>(kind); }

  static constexpr int kNone = -1;
  const int kUnavailable = as_number(Verdict::Kind::unavailable);
  const int kUnknown = as_number(Verdict::Kind::unknown_key);
  testing::TestDatabase database;
  std::unique_ptr<Auth> auth;
};

TEST_F(AuthTest, WaitingRequestsHoldOnlySoManyBytes) {
  // So that no second load happens.
  start({.refresh_interval = 1h, .least_interval = 1h, .most_waiting_bytes = 100});
  const auto first = ask(60), too_many = ask(41), second = ask(40);
  EXPECT_EQ(*first, kNone);
  EXPECT_EQ(*too_many, kUnavailable);
  EXPECT_EQ(*second, kNone);
  auth.reset();
  EXPECT_EQ(*first, kUnavailable);
  EXPECT_EQ(*second, kUnavailable);
}

TEST_F(AuthTest, AnAnswerGivesTheRoomBack) {
  start({.least_interval = 0ms, .most_waiting_bytes = 100});
  for (int i = 0; i < 5; ++i) {
    std::shared_ptr<std::atomic<int>> answer;
    // The answer is given a moment before its room is free.
    ASSERT_TRUE(wait_until([&] {
      answer = ask(100);
      return *answer != kUnavailable;
    }));
    ASSERT_TRUE(wait_until([&] { return *answer == kUnknown; }));
  }
}

TEST_F(AuthTest, AnAnswerThatThrowsEndsNeitherTheThreadNorTheProcess) {
  start({.least_interval = 0ms});
  auth->check("dt_live_unknown", {}, 1, [](const Verdict&) { throw std::bad_alloc(); });
  auth->check("dt_live_unknown", {}, 1, [](const Verdict&) { throw 7; });
  const auto later = ask(1);
  EXPECT_TRUE(wait_until([&] { return *later == kUnknown; }));
  EXPECT_TRUE(database.log().contains("ingest.key_answer_failed"));
}

TEST_F(AuthTest, ARevocationNobodyTellsOfIsSeenAtTheNextLook) {
  start({.refresh_interval = 100ms, .least_interval = 0ms});
  const auto secret = store::create_key(database.db(), "acme", {}, {"ingest"}).value().secret;
  ASSERT_TRUE(wait_until([&] { return auth->known(secret); }));
  database.exec("ALTER TABLE api_keys DISABLE TRIGGER USER");
  ASSERT_TRUE(store::revoke_key(database.db(), secret));
  EXPECT_TRUE(wait_until([&] { return !auth->known(secret); }));
  EXPECT_LE(AuthOptions{}.refresh_interval, 60s);
}

TEST_F(AuthTest, TheDatabaseItselfTellsOfEveryChange) {
  start({.refresh_interval = 1h, .least_interval = 0ms});
  const auto secret = store::create_key(database.db(), "acme", {}, {"ingest"}).value().secret;
  ASSERT_TRUE(wait_until([&] { return auth->known(secret); }));
  database.exec("UPDATE api_keys SET active = false");
  EXPECT_TRUE(wait_until([&] { return !auth->known(secret); }));
  database.exec("UPDATE api_keys SET active = true");
  ASSERT_TRUE(wait_until([&] { return auth->known(secret); }));
  database.exec("DELETE FROM api_keys");
  EXPECT_TRUE(wait_until([&] { return !auth->known(secret); }));
}

TEST_F(AuthTest, NotesWhenAKeyWasUsed) {
  start({.refresh_interval = 50ms, .least_interval = 0ms});
  const auto used = store::create_key(database.db(), "acme", {}, {"ingest"}).value();
  const auto idle = store::create_key(database.db(), "acme", {}, {"ingest"}).value();
  ASSERT_TRUE(wait_until([&] { return auth->known(used.secret) && auth->known(idle.secret); }));
  auth->check(used.secret, {}, 0, [](const Verdict&) {});
  const auto last_use = [&](const store::NewApiKey& key) {
    return database.scalar("SELECT last_used_at IS NOT NULL FROM api_keys WHERE id = " + std::to_string(key.key.id));
  };
  EXPECT_TRUE(wait_until([&] { return last_use(used) == "t"; }));
  EXPECT_EQ(last_use(idle), "f");
}

TEST_F(AuthTest, AConfinedKeyWritesToItsAgentAlone) {
  start({.least_interval = 0ms});
  const auto secret = store::create_key(database.db(), "acme", "mine", {"ingest"}, true).value().secret;
  ASSERT_TRUE(wait_until([&] { return auth->known(secret); }));
  const auto ask_for = [&](std::vector<std::string> agents) {
    Verdict found;
    auth->check(secret, std::move(agents), 0, [&found](const Verdict& verdict) { found = verdict; });
    return found;
  };
  EXPECT_EQ(ask_for({"mine"}).kind, Verdict::Kind::allowed);
  EXPECT_EQ(ask_for({"mine", "other"}).kind, Verdict::Kind::foreign_agent);
  EXPECT_EQ(ask_for({"mine", "other"}).detail, "API key is not allowed to write to agent 'other'");
}

}  // namespace
}  // namespace dunetrace::ingest
