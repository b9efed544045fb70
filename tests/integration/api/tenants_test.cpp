// Keys and what they show (spec/api.md 1.1).
#include "fixture.hpp"
#include "store/keys.hpp"
#include "testing/wait.hpp"

namespace dunetrace::api {
namespace {

class ProdApiTest : public ApiTest {
 protected:
  ProdApiTest() {
    add_customer("acme", "ours", "run-acme");
    add_customer("bolt", "theirs", "run-bolt");
    serve(true);
  }

  void add_customer(const std::string& customer, const std::string& agent, const std::string& run_id) {
    add(TestRun{.run_id = run_id, .agent_id = agent, .customer_id = customer});
    add(TestEvent{.run_id = run_id, .type = "run.started", .customer_id = customer});
    add(TestSignal{.run_id = run_id, .agent_id = agent, .customer_id = customer});
  }
};

TEST_F(ProdApiTest, EveryEndpointButHealthNeedsAKey) {
  for (const char* path : {"/v1/agents", "/v1/agents/ours/runs", "/v1/agents/ours/signals", "/v1/runs/run-acme"}) {
    const auto answer = get(path);
    EXPECT_EQ(answer.status, 401) << path;
    EXPECT_EQ(answer.body, R"({"detail":"authorization header required"})");
    EXPECT_EQ(answer.headers.at("www-authenticate"), "Bearer");
    const auto wrong = get_as("dt_live_wrong", path);
    EXPECT_EQ(wrong.status, 401) << path;
    EXPECT_EQ(wrong.body, R"({"detail":"API key is unknown or inactive"})");
  }
  EXPECT_EQ(get("/health").status, 200);
}

TEST_F(ProdApiTest, AKeyMayBeSentBare) {
  const auto key = key_of("acme");
  EXPECT_EQ(ask("GET", "/v1/agents", {"Authorization: " + key}).status, 200);
  EXPECT_EQ(ask("GET", "/v1/agents", {"authorization: bearer " + key}).status, 200);
}

TEST_F(ProdApiTest, AKeyShowsItsCustomersRowsOnly) {
  const auto key = key_of("acme");
  const auto agents = get_as(key, "/v1/agents").body;
  EXPECT_NE(agents.find(R"("agent_id":"ours")"), std::string::npos) << agents;
  EXPECT_EQ(agents.find("theirs"), std::string::npos) << agents;
  EXPECT_NE(agents.find(R"("total":1,)"), std::string::npos) << agents;
  for (const char* path : {"/v1/agents/ours/runs", "/v1/agents/ours/signals", "/v1/runs/run-acme"}) {
    const auto answer = get_as(key, path);
    EXPECT_EQ(answer.status, 200) << path;
    EXPECT_NE(answer.body.find("run-acme"), std::string::npos) << path;
  }
}

TEST_F(ProdApiTest, WhatBelongsToOthersDoesNotExist) {
  const auto key = key_of("acme");
  for (const char* list : {"runs", "signals"}) {
    const auto foreign = get_as(key, std::string("/v1/agents/theirs/") + list);
    const auto unknown = get_as(key, std::string("/v1/agents/nobody/") + list);
    EXPECT_EQ(foreign.status, 404);
    EXPECT_EQ(foreign.body, R"({"detail":"agent theirs does not exist"})");
    EXPECT_EQ(unknown.status, 404);
    EXPECT_EQ(unknown.body, R"({"detail":"agent nobody does not exist"})");
  }
  EXPECT_EQ(get_as(key, "/v1/runs/run-bolt").status, 404);
  EXPECT_EQ(get_as(key, "/v1/runs/run-bolt").body, R"({"detail":"run run-bolt does not exist"})");
}

TEST_F(ProdApiTest, NamesSharedByTwoCustomersStayApart) {
  add_customer("acme", "shared", "same-id");
  add_customer("bolt", "shared", "same-id");
  add(TestRun{.run_id = "second", .agent_id = "shared", .customer_id = "bolt"});
  const auto acme = key_of("acme");
  const auto bolt = key_of("bolt");
  EXPECT_NE(get_as(acme, "/v1/agents/shared/runs").body.find(R"("total":1,)"), std::string::npos);
  EXPECT_NE(get_as(bolt, "/v1/agents/shared/runs").body.find(R"("total":2,)"), std::string::npos);
  EXPECT_NE(get_as(acme, "/v1/agents/shared/signals").body.find(R"("total":1,)"), std::string::npos);
  EXPECT_NE(get_as(acme, "/v1/agents")
                .body.find(R"("agent_id":"shared","last_seen":1767780000.0,"run_count":1,)"
                           R"("signal_count":1)"),
            std::string::npos);
  const auto run = get_as(acme, "/v1/runs/same-id").body;
  EXPECT_NE(run.find(R"("signals":[{"id":3,)"), std::string::npos) << run;
  EXPECT_EQ(run.find(R"("id":4,)"), std::string::npos) << run;
}

TEST_F(ProdApiTest, OwnAgentsWithoutMatchesAreEmptyNot404) {
  const auto key = key_of("acme");
  const auto answer = get_as(key, "/v1/agents/ours/signals?severity=LOW");
  EXPECT_EQ(answer.status, 200);
  EXPECT_NE(answer.body.find(R"("signals":[])"), std::string::npos);
  const auto bound = key_of("acme", "read", "not-yet-seen");
  EXPECT_EQ(get_as(bound, "/v1/agents/not-yet-seen/runs").status, 200);
  EXPECT_EQ(get_as(key_of("bolt"), "/v1/agents/not-yet-seen/runs").status, 404);
}

TEST_F(ProdApiTest, AKeyWithoutTheScopeReadIsForbidden) {
  const auto answer = get_as(key_of("acme", "ingest"), "/v1/agents");
  EXPECT_EQ(answer.status, 403);
  EXPECT_EQ(answer.body, R"({"detail":"this API key lacks the scope 'read'"})");
}

TEST_F(ProdApiTest, ARevokedKeyWorksForTheCacheTimeAtMost) {
  const auto key = key_of("acme");
  EXPECT_EQ(get_as(key, "/v1/agents").status, 200);
  const auto revoked = store::revoke_key(db_, key);
  ASSERT_TRUE(revoked) << revoked.error().text;
  clock_.advance(std::chrono::seconds(15));
  EXPECT_EQ(get_as(key, "/v1/agents").status, 401);
}

TEST_F(ProdApiTest, ARevokedKeyEndsWithTheDatabasesNotification) {
  const auto key = key_of("acme");
  EXPECT_EQ(get_as(key, "/v1/agents").status, 200);
  ASSERT_TRUE(store::revoke_key(db_, key));
  EXPECT_TRUE(dunetrace::testing::wait_until([&] { return get_as(key, "/v1/agents").status == 401; }))
      << "the clock stands still: no cache time passes";
}

TEST_F(ProdApiTest, ANewKeyWorksAtOnce) {
  const auto key = key_of("acme");
  ASSERT_TRUE(store::revoke_key(db_, key));
  EXPECT_EQ(get_as(key, "/v1/agents").status, 401);
  database_.exec("UPDATE api_keys SET active = true, revoked_at = NULL");
  EXPECT_EQ(get_as(key, "/v1/agents").status, 200);
}

TEST_F(ProdApiTest, OnlyConfiguredOriginsMayReadAcross) {
  role_.reset();
  serve(true, {.cors_origins = {"https://ops.example"}});
  const auto key = key_of("acme");
  const auto from = [&](const char* origin) {
    return ask("GET", "/v1/agents", {"Authorization: Bearer " + key, std::string("Origin: ") + origin});
  };
  EXPECT_EQ(from("https://ops.example").headers.at("access-control-allow-origin"), "https://ops.example");
  EXPECT_EQ(from("https://evil.example").headers.count("access-control-allow-origin"), 0U);
}

}  // namespace
}  // namespace dunetrace::api
