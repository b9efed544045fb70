// What SDKs leave and fetch besides events: deploy markers and policies (spec/wire.md 5, 13).
#include "fixture.hpp"
#include "store/keys.hpp"

namespace dunetrace::ingest {
namespace {

class SdkEndpointsTest : public IngestTest {
 protected:
  http::ClientResponse deploy(const std::string& body, const http::Headers& headers = {}) {
    http::Client client;
    auto answer = client.send(http::Method::post, url("/v1/deploy"), headers, body, std::chrono::seconds(15));
    EXPECT_TRUE(answer) << answer.error().text;
    return answer ? std::move(*answer) : http::ClientResponse{};
  }
  std::string key(const std::string& customer, const std::optional<std::string>& agent = {}) {
    return store::create_key(database.db(), customer, agent, {"ingest"}).value().secret;
  }
  // The first error's type and place.
  static std::string first_error(const http::ClientResponse& answer) {
    const auto type = answer.body.find("\"type\":");
    const auto message = answer.body.find(",\"msg\"");
    if (type == std::string::npos || message == std::string::npos) return answer.body;
    return answer.body.substr(type, message - type);
  }
  void add_policy(const std::string& values) {
    database.exec("INSERT INTO policies (customer_id, agent_id, name, condition, action, enabled, priority) VALUES " +
                  values);
  }
  const config::Environment::Variables prod{{"AUTH_MODE", "prod"}};
};

TEST_F(SdkEndpointsTest, ADeployMarkerIsStoredBeforeTheAnswer) {
  start();
  const auto answer =
      deploy(R"({"api_key":"","agent_id":"a","version":"v1.4.2","meta":{"commit":"abc123f","n":1.50}})");
  ASSERT_EQ(answer.status, 202) << answer.body;
  json::Parser parser;
  const auto root = parser.parse(answer.body).value();
  EXPECT_EQ(root["agent_id"].string(), "a");
  EXPECT_EQ(root["version"].string(), "v1.4.2");
  EXPECT_NEAR(root["deployed_at"].number().value_or(0), clock.unix_seconds(), 60);
  EXPECT_EQ(database.scalar("SELECT customer_id || ' ' || agent_id || ' ' || version || ' ' || meta FROM deploy_events "
                            "WHERE id = " +
                            std::to_string(root["id"].integer().value_or(0))),
            R"(dev_customer a v1.4.2 {"n": 1.50, "commit": "abc123f"})");
}

TEST_F(SdkEndpointsTest, MetaMayBeMissingOrNull) {
  start();
  EXPECT_EQ(deploy(R"({"agent_id":"a","version":"v"})").status, 202);
  EXPECT_EQ(deploy(R"({"agent_id":"a","version":"v","meta":null})").status, 202);
  EXPECT_EQ(database.scalar("SELECT string_agg(meta::text, ' ') FROM deploy_events"), "{} {}");
}

TEST_F(SdkEndpointsTest, SaysWhatIsWrongWithAMarker) {
  start();
  const std::pair<const char*, const char*> wrong[] = {
      {R"({"version":"v"})", R"("type":"missing","loc":["body","agent_id"])"},
      {R"({"agent_id":"a"})", R"("type":"missing","loc":["body","version"])"},
      {R"({"agent_id":"","version":"v"})", R"("type":"string_too_short","loc":["body","agent_id"])"},
      {R"({"agent_id":"\u0000","version":"v"})", R"("type":"string_too_short","loc":["body","agent_id"])"},
      {R"({"agent_id":"a","version":7})", R"("type":"string_type","loc":["body","version"])"},
      {R"({"agent_id":"a","version":"v","meta":[]})", R"("type":"dict_type","loc":["body","meta"])"},
      {R"({"api_key":1,"agent_id":"a","version":"v"})", R"("type":"string_type","loc":["body","api_key"])"},
      {R"([])", R"("type":"model_attributes_type","loc":["body"])"},
      {R"({"agent_id")", R"("type":"json_invalid","loc":["body",0])"}};
  for (const auto& [body, error] : wrong) {
    const auto answer = deploy(body);
    EXPECT_EQ(answer.status, 422) << body;
    EXPECT_EQ(first_error(answer), error) << body;
  }
  EXPECT_EQ(database.scalar("SELECT count(*) FROM deploy_events"), "0");
}

TEST_F(SdkEndpointsTest, AMarkerNeedsAKeyThatMayWriteForTheAgent) {
  const auto acme = key("acme", "acme-agent"), other = key("other");
  start(prod);
  const auto body = [](const std::string& agent, const std::string& secret) {
    return R"({"api_key":")" + secret + R"(","agent_id":")" + agent + R"(","version":"v"})";
  };
  EXPECT_EQ(deploy(body("acme-agent", "")).status, 401);
  EXPECT_EQ(deploy(body("acme-agent", other)).status, 403);
  EXPECT_EQ(deploy(body("acme-agent", acme)).status, 202);
  EXPECT_EQ(deploy(body("acme-agent", ""), {{"Authorization", "Bearer " + acme}}).status, 202);
  EXPECT_EQ(database.scalar("SELECT string_agg(DISTINCT customer_id, ',') FROM deploy_events"), "acme");
}

TEST_F(SdkEndpointsTest, MarkersCountForTheRate) {
  start({{"RATE_LIMIT_REQUESTS", "2"}});
  const std::string body = R"({"agent_id":"a","version":"v"})";
  EXPECT_EQ(deploy(body).status, 202);
  EXPECT_EQ(deploy(body).status, 202);
  EXPECT_EQ(deploy(body).status, 429);
}

TEST_F(SdkEndpointsTest, GivesEnabledPoliciesOfTheAgentAndOfAll) {
  const auto acme = key("acme");
  add_policy(R"(('acme', 'a', 'second', '{"trigger":"steps"}', '{"type":"stop"}', true, 50),
                ('acme', '*', 'first', '{}', '{}', true, 10), ('acme', '*', 'third', '{}', '{}', true, 50),
                ('acme', 'b', 'other agent', '{}', '{}', true, 1), ('acme', 'a', 'off', '{}', '{}', false, 1),
                ('other', '*', 'foreign', '{}', '{}', true, 1))");
  start(prod);
  const auto answer = get("/v1/policies?agent_id=a&api_key=" + acme);
  ASSERT_EQ(answer.status, 200) << answer.body;
  json::Parser parser;
  const auto root = parser.parse(answer.body).value();
  std::string names;
  root["policies"].each_element([&](const json::Value& policy) {
    names += std::string(policy["name"].string().value_or("?")) + " ";
    EXPECT_EQ(policy["enabled"].boolean(), true);
    if (policy["name"].string() != "second") return;
    EXPECT_EQ(policy["agent_id"].string(), "a");
    EXPECT_EQ(policy["priority"].integer(), 50);
    EXPECT_EQ(policy["condition"]["trigger"].string(), "steps");
    EXPECT_EQ(policy["action"]["type"].string(), "stop");
  });
  EXPECT_EQ(names, "first second third ");
}

TEST_F(SdkEndpointsTest, PoliciesNeedAnAgentAndAKey) {
  start(prod);
  const auto nameless = get("/v1/policies");
  EXPECT_EQ(nameless.status, 422);
  EXPECT_EQ(first_error(nameless), R"("type":"missing","loc":["query","agent_id"])");
  EXPECT_EQ(get("/v1/policies?agent_id=a").status, 401);
  EXPECT_EQ(get("/v1/policies?agent_id=a&api_key=dt_live_unknown").status, 401);
}

TEST_F(SdkEndpointsTest, KeysInAddressesDoNotReachTheLog) {
  start();
  EXPECT_EQ(get("/v1/policies?agent_id=a&api_key=dt_dev_secret").status, 200);
  EXPECT_FALSE(database.log().contains("dt_dev_secret")) << database.log().text();
}

}  // namespace
}  // namespace dunetrace::ingest
