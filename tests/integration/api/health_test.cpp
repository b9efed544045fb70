// GET /health and /ready, what every answer carries, and the database coming and going.
#include "fixture.hpp"
#include "testing/wait.hpp"

namespace dunetrace::api {
namespace {

TEST_F(ApiTest, HealthIsOkWhileTheDatabaseAnswers) {
  serve(true);
  const auto answer = get("/health");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, R"({"status":"ok","db":"ok"})");
  EXPECT_EQ(answer.headers.at("cache-control"), "no-store");
  EXPECT_EQ(answer.headers.at("content-type"), "application/json");
  EXPECT_EQ(get("/ready").body, R"({"status":"ready","db":"ok"})");
}

TEST_F(ApiTest, AnswersAreNeverCachedAndCarryARequestId) {
  serve();
  for (const char* path : {"/v1/agents", "/v1/runs/none", "/v1/agents?limit=x"}) {
    const auto answer = get(path);
    EXPECT_EQ(answer.headers.at("cache-control"), "no-store") << path;
    EXPECT_FALSE(answer.headers.at("x-request-id").empty()) << path;
  }
}

TEST_F(ApiTest, UnknownPathsAndMethods) {
  serve();
  EXPECT_EQ(get("/v1/nothing").body, R"({"detail":"Not Found"})");
  const auto answer = ask("POST", "/v1/agents", {"Content-Length: 0"});
  EXPECT_EQ(answer.status, 405);
  EXPECT_EQ(answer.body, R"({"detail":"Method Not Allowed"})");
  EXPECT_NE(answer.headers.at("allow").find("GET"), std::string::npos);
}

TEST_F(ApiTest, HeadAnswersWithoutABody) {
  serve();
  const auto answer = ask("HEAD", "/v1/agents");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "");
}

TEST_F(ApiTest, DevModeAllowsAnyOrigin) {
  serve();
  const auto answer = ask("GET", "/v1/agents", {"Origin: http://elsewhere.example"});
  EXPECT_EQ(answer.headers.count("access-control-allow-origin"), 1U);
  const auto preflight =
      ask("OPTIONS", "/v1/agents", {"Origin: http://elsewhere.example", "Access-Control-Request-Method: PATCH"});
  EXPECT_LT(preflight.status, 300);
  EXPECT_NE(preflight.headers.at("access-control-allow-methods").find("PATCH"), std::string::npos);
}

// Brings the server of the test program back, whatever the test did.
class OutageTest : public ApiTest {
 protected:
  ~OutageTest() override {
    if (!testing::TestPostgres::instance().running()) testing::TestPostgres::instance().start();
  }
};

TEST_F(OutageTest, TheDatabaseMayGoAndComeBack) {
  add(TestRun{.run_id = "r1"});
  add(TestEvent{.run_id = "r1", .type = "run.started"});
  serve(true);
  const auto key = key_of("dev_customer");
  ASSERT_EQ(get_as(key, "/v1/runs/r1").status, 200);
  ASSERT_EQ(get("/health").status, 200);

  testing::TestPostgres::instance().stop();
  for (const char* path : {"/v1/agents", "/v1/agents/agent/runs", "/v1/agents/agent/signals", "/v1/runs/r1"}) {
    const auto answer = get_as(key, path);
    EXPECT_EQ(answer.status, 503) << path;
    EXPECT_EQ(answer.body, R"({"detail":"Service temporarily unavailable"})");
    EXPECT_EQ(answer.headers.at("retry-after"), "1");
  }
  // A key that cannot be checked is not a wrong key.
  EXPECT_EQ(get_as("dt_live_never_seen", "/v1/agents").status, 503);
  EXPECT_EQ(get("/health").status, 200) << "the result is kept for a second";
  clock_.advance(std::chrono::seconds(1));
  const auto health = get("/health");
  EXPECT_EQ(health.status, 503);
  EXPECT_TRUE(health.body.starts_with(R"({"status":"degraded","db":")")) << health.body;
  EXPECT_EQ(health.body.find("password"), std::string::npos);
  EXPECT_EQ(get("/ready").status, 503);

  testing::TestPostgres::instance().start();
  clock_.advance(std::chrono::seconds(1));
  EXPECT_TRUE(testing::wait_until([&] { return get_as(key, "/v1/runs/r1").status == 200; }));
  clock_.advance(std::chrono::seconds(1));
  EXPECT_EQ(get("/health").status, 200);
}

TEST_F(ApiTest, LostSessionsAreReplaced) {
  add(TestRun{.run_id = "r1"});
  serve();
  EXPECT_EQ(get("/v1/agents").status, 200);
  EXPECT_GT(database_.kill_connections(), 0);
  EXPECT_EQ(get("/v1/agents").status, 200);
}

TEST_F(ApiTest, AStoppedRoleFinishesAndGivesItsPortBack) {
  serve();
  const auto port = role_->port();
  EXPECT_EQ(get("/v1/agents").status, 200);
  EXPECT_TRUE(role_->stop(std::chrono::seconds(5)));
  role_.reset();
  serve(false, {.port = port});
  EXPECT_EQ(role_->port(), port);
  EXPECT_EQ(get("/v1/agents").status, 200);
}

}  // namespace
}  // namespace dunetrace::api
