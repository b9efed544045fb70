// Who may write (spec/wire.md 3.3).
#include "store/keys.hpp"
#include "fixture.hpp"

namespace dunetrace::ingest {
namespace {

class KeysTest : public IngestTest {
 protected:
  std::string key(const std::string& customer, const std::optional<std::string>& agent = {},
                  const std::vector<std::string>& scopes = {"ingest", "read"}) {
    return store::create_key(database.db(), customer, agent, scopes).value().secret;
  }
  int send(const std::string& secret, const std::string& agent = "agent") {
    return post(batch(run_events("r-1", 0, 1, false, agent), secret, agent)).status;
  }
  const config::Environment::Variables prod{{"AUTH_MODE", "prod"}};
};

TEST_F(KeysTest, DevTakesNoKeyAndDevKeys) {
  start();
  EXPECT_EQ(send(""), 202);
  EXPECT_EQ(send("dt_dev_anything"), 202);
  ASSERT_TRUE(stored(2));
  EXPECT_EQ(database.scalar("SELECT string_agg(DISTINCT customer_id, ',') FROM events"), "dev_customer");
}

TEST_F(KeysTest, DevLooksOtherKeysUp) {
  const auto secret = key("acme");
  start();
  EXPECT_EQ(send("dt_live_unknown"), 401);
  EXPECT_EQ(send(secret), 202);
  ASSERT_TRUE(stored(1));
  EXPECT_EQ(database.scalar("SELECT customer_id FROM events"), "acme");
}

TEST_F(KeysTest, ProdWantsAnActiveKey) {
  const auto secret = key("acme");
  start(prod);
  for (const auto* wrong : {"", "dt_dev_x", "dt_live_unknown"}) {
    const auto answer = post(batch(run_events("r-1", 0, 1, false), wrong));
    EXPECT_EQ(answer.status, 401) << wrong;
    EXPECT_EQ(detail(answer), "API key is unknown or inactive");
  }
  EXPECT_EQ(send(secret), 202);
}

TEST_F(KeysTest, AMalformedBodyIsRefusedBeforeTheKeyIsLookedAt) {
  start(prod);
  EXPECT_EQ(post(R"({"api_key":"dt_live_unknown","agent_id":"a","events":[]})").status, 422);
}

TEST_F(KeysTest, TheBodysKeyWinsOverTheHeader) {
  const auto secret = key("acme");
  start(prod);
  const auto body = batch(run_events("r-1", 0, 1, false));
  EXPECT_EQ(post(body, {{"Authorization", "Bearer " + secret}}).status, 202);
  EXPECT_EQ(post(body, {{"Authorization", "bearer  " + secret + " "}}).status, 202);
  EXPECT_EQ(post(body, {{"Authorization", "Basic " + secret}}).status, 401);
  EXPECT_EQ(post(batch(run_events("r-1", 0, 1, false), secret), {{"Authorization", "Bearer wrong"}}).status, 202);
  EXPECT_EQ(post(batch(run_events("r-1", 0, 1, false), "wrong"), {{"Authorization", "Bearer " + secret}}).status, 401);
}

TEST_F(KeysTest, ANewKeyWorksAtOnceAndARevokedOneSoonDoesNot) {
  start(prod);
  EXPECT_EQ(send("dt_live_unknown"), 401);  // the snapshot is loaded
  const auto secret = key("acme");
  EXPECT_EQ(send(secret), 202);
  ASSERT_TRUE(store::revoke_key(database.db(), secret));
  EXPECT_TRUE(dunetrace::testing::wait_until([&] { return send(secret) == 401; }, std::chrono::seconds(10)));
}

TEST_F(KeysTest, ForeignAgentsAreRefused) {
  const auto acme = key("acme", "acme-agent");
  const auto other = key("other");
  start(prod);
  const auto answer = post(batch(run_events("r-1", 0, 1, false, "acme-agent"), other, "acme-agent"));
  EXPECT_EQ(answer.status, 403);
  EXPECT_EQ(detail(answer), "API key is not allowed to write to agent 'acme-agent'");
  // Also when only one event of the batch, or only the body, names it.
  EXPECT_EQ(
      post(batch(run_events("r-1", 0, 2, false, "free") + "," + run_events("r-2", 0, 1, false, "acme-agent"), other))
          .status,
      403);
  EXPECT_EQ(post(batch(run_events("r-1", 0, 1, false, "free"), other, "acme-agent")).status, 403);
  EXPECT_EQ(send(other, "free"), 202);
  EXPECT_EQ(send(acme, "acme-agent"), 202);
  EXPECT_EQ(send(acme, "free"), 202);
}

TEST_F(KeysTest, DevDoesNotAskWhoseAgentItIs) {
  key("acme", "acme-agent");
  start();
  EXPECT_EQ(send("", "acme-agent"), 202);
}

TEST_F(KeysTest, AKeyWithoutTheScopeMayNotWrite) {
  const auto reader = key("acme", {}, {"read"});
  start(prod);
  EXPECT_EQ(send(reader), 403);
}

TEST_F(KeysTest, TheSameRunIdOfTwoCustomersAreTwoRuns) {
  const auto acme = key("acme"), other = key("other");
  start(prod);
  EXPECT_EQ(send(acme), 202);
  EXPECT_EQ(send(other), 202);
  ASSERT_TRUE(stored(2));
  EXPECT_EQ(database.scalar("SELECT count(*) FROM runs WHERE run_id = 'r-1'"), "2");
}

}  // namespace
}  // namespace dunetrace::ingest
