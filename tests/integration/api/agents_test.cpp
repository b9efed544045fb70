// GET /v1/agents
#include "fixture.hpp"

namespace dunetrace::api {
namespace {

constexpr double kDay = 86'400;
constexpr double kToday = 1767744000;  // 2026-01-07 00:00 UTC

TEST_F(ApiTest, AgentsCarryEveryFigure) {
  add(TestRun{.run_id = "r1", .agent_id = "bot", .received_at = 1767780000.5});
  add(TestRun{.run_id = "r2", .agent_id = "bot", .trigger = {}, .received_at = 1767700000});
  add(TestRun{.run_id = "r3", .agent_id = "quiet", .received_at = 1767780001});
  add(TestSignal{.run_id = "r1", .severity = "CRITICAL", .agent_id = "bot", .detected_at = kToday});
  add(TestSignal{.run_id = "r1", .failure_type = "OTHER_TYPE", .agent_id = "bot", .detected_at = kToday - 0.001});
  add(TestSignal{.run_id = "r2", .agent_id = "bot", .detected_at = kToday - 6 * kDay});
  add(TestSignal{.run_id = "r2",
                 .failure_type = "OLD_TYPE",
                 .severity = "LOW",
                 .agent_id = "bot",
                 .detected_at = kToday - 6 * kDay - 0.001});
  add(TestSignal{.run_id = "r2", .failure_type = "HIDDEN", .agent_id = "bot", .detected_at = kToday, .shadow = true});
  serve();
  EXPECT_EQ(body("/v1/agents"),
            R"({"agents":[)"
            R"({"agent_id":"quiet","last_seen":1767780001.0,"run_count":1,"signal_count":0,"critical_count":0,)"
            R"("high_count":0,"sparkline":[0,0,0,0,0,0,0],"failure_types":{}},)"
            R"({"agent_id":"bot","last_seen":1767780000.5,"run_count":2,"signal_count":4,"critical_count":1,)"
            R"("high_count":2,"sparkline":[1,0,0,0,0,1,1],)"
            R"("failure_types":{"DEMO_TYPE":2,"OLD_TYPE":1,"OTHER_TYPE":1}}],)"
            R"("page":{"total":2,"offset":0,"limit":50,"has_more":false}})");
}

TEST_F(ApiTest, AgentsAreEmptyOnAnEmptyDatabase) {
  serve();
  EXPECT_EQ(body("/v1/agents"), R"({"agents":[],"page":{"total":0,"offset":0,"limit":50,"has_more":false}})");
}

TEST_F(ApiTest, AgentsPageByLatestArrival) {
  for (int i = 0; i < 5; ++i) {
    add(TestRun{
        .run_id = "r" + std::to_string(i), .agent_id = "a" + std::to_string(i), .received_at = 1767780000.0 + i});
  }
  serve();
  const auto page = [&](const char* query) { return values(std::string("/v1/agents") + query, "agents", "agent_id"); };
  EXPECT_EQ(page("?limit=2"), (std::vector<std::string>{R"("a4")", R"("a3")"}));
  EXPECT_EQ(page("?limit=2&offset=4"), (std::vector<std::string>{R"("a0")"}));
  EXPECT_EQ(page("?limit=500"), (std::vector<std::string>{R"("a4")", R"("a3")", R"("a2")", R"("a1")", R"("a0")"}));
  EXPECT_EQ(body("/v1/agents?offset=5"), R"({"agents":[],"page":{"total":5,"offset":5,"limit":50,"has_more":false}})");
  EXPECT_NE(body("/v1/agents?limit=4").find(R"("has_more":true)"), std::string::npos);
}

TEST_F(ApiTest, DevModeShowsEveryCustomersAgentsAndJoinsThoseOfOneName) {
  add(TestRun{.run_id = "r1", .agent_id = "shared", .customer_id = "acme", .received_at = 1767780000});
  add(TestRun{.run_id = "r2", .agent_id = "shared", .customer_id = "bolt", .received_at = 1767780007});
  add(TestRun{.run_id = "r3", .agent_id = "own", .customer_id = "cove", .received_at = 1767780003});
  add(TestSignal{.run_id = "r1", .agent_id = "shared", .customer_id = "acme"});
  add(TestSignal{.run_id = "r2", .agent_id = "shared", .customer_id = "bolt"});
  serve();
  EXPECT_EQ(values("/v1/agents", "agents", "agent_id"), (std::vector<std::string>{R"("shared")", R"("own")"}));
  EXPECT_EQ(values("/v1/agents", "agents", "run_count"), (std::vector<std::string>{"2", "1"}));
  EXPECT_EQ(values("/v1/agents", "agents", "signal_count"), (std::vector<std::string>{"2", "0"}));
  EXPECT_EQ(values("/v1/agents", "agents", "last_seen"), (std::vector<std::string>{"1767780007.0", "1767780003.0"}));
}

TEST_F(ApiTest, AgentsWithAwkwardNamesAreCounted) {
  for (const char* name : {"a/b", "with \"quotes\" \\ and {braces},", "émoji 🐪", "NULL"}) {
    add(TestRun{.run_id = name, .agent_id = name});
    add(TestSignal{.run_id = name, .agent_id = name});
  }
  serve();
  EXPECT_EQ(values("/v1/agents", "agents", "signal_count"), (std::vector<std::string>{"1", "1", "1", "1"}));
}

TEST_F(ApiTest, AgentsRefuseBadPages) {
  serve();
  const auto answer = get("/v1/agents?limit=501&offset=-1");
  EXPECT_EQ(answer.status, 422);
  EXPECT_EQ(
      answer.body,
      R"({"detail":[{"type":"greater_than_equal","loc":["query","offset"],"msg":"Input should be greater than or )"
      R"(equal to 0","input":"-1","ctx":{"ge":0}},{"type":"less_than_equal","loc":["query","limit"],"msg":"Input )"
      R"(should be less than or equal to 500","input":"501","ctx":{"le":500}}]})");
}

TEST_F(ApiTest, PageSizesComeFromTheOptions) {
  serve(false, {.page_size_default = 2, .page_size_max = 3});
  EXPECT_NE(body("/v1/agents").find(R"("limit":2)"), std::string::npos);
  EXPECT_EQ(get("/v1/agents?limit=3").status, 200);
  EXPECT_EQ(get("/v1/agents?limit=4").status, 422);
}

TEST_F(ApiTest, PageSizesThatMakeNoSenseAreRefusedAtTheStart) {
  const Options options{.page_size_default = 10, .page_size_max = 5};
  const auto role =
      Role::open(options, db_, live_, vocabulary(), database_.log().logger(), database_.metrics(), clock_);
  ASSERT_FALSE(role);
  EXPECT_EQ(role.error().code, Code::invalid_argument);
}

}  // namespace
}  // namespace dunetrace::api
