// GET /v1/agents/{agent_id}/runs
#include "fixture.hpp"

namespace dunetrace::api {
namespace {

using Texts = std::vector<std::string>;

TEST_F(ApiTest, RunsCarryEveryField) {
  add(TestRun{.run_id = "r1", .processed_at = 1767780001, .max_step = 21, .model = "gpt-4o"});
  add(TestRun{.run_id = "r2",
              .trigger = "stalled",
              .processed_at = 1767780002,
              .started_at = {},
              .completed_at = {},
              .max_step = 3,
              .exit_reason = {},
              .parent_run_id = "r1",
              .incomplete = R"([{"detector": "demo", "reason": "timeout"}])"});
  add(TestSignal{.run_id = "r1"});
  add(TestSignal{.run_id = "r1", .failure_type = "OTHER_TYPE"});
  add(TestSignal{.run_id = "r2", .shadow = true});
  serve();
  EXPECT_EQ(body("/v1/agents/agent/runs"),
            R"({"runs":[)"
            R"({"run_id":"r2","agent_id":"agent","agent_version":"v1","started_at":null,"completed_at":null,)"
            R"("exit_reason":"stalled","step_count":3,"signal_count":0,"has_signals":false,"parent_run_id":"r1",)"
            R"("model":null,"incomplete":[{"reason": "timeout", "detector": "demo"}]},)"
            R"({"run_id":"r1","agent_id":"agent","agent_version":"v1","started_at":1767779990.5,)"
            R"("completed_at":1767779999.25,"exit_reason":"completed","step_count":21,"signal_count":2,)"
            R"("has_signals":true,"parent_run_id":null,"model":"gpt-4o","incomplete":[]}],)"
            R"("page":{"total":2,"offset":0,"limit":50,"has_more":false}})");
}

TEST_F(ApiTest, RunsAreOnlyTheJudgedOnesOfTheAgentLatestFirst) {
  add(TestRun{.run_id = "early", .processed_at = 1767780001});
  add(TestRun{.run_id = "late", .processed_at = 1767780003});
  add(TestRun{.run_id = "open", .trigger = {}});
  add(TestRun{.run_id = "foreign", .agent_id = "agent2", .processed_at = 1767780009});
  serve();
  EXPECT_EQ(values("/v1/agents/agent/runs", "runs", "run_id"), (Texts{R"("late")", R"("early")"}));
}

TEST_F(ApiTest, RunsPageWithoutGapsOrRepeatsEvenWhenJudgedAtOnce) {
  for (int i = 0; i < 7; ++i) add(TestRun{.run_id = "r" + std::to_string(i)});
  serve();
  Texts all;
  for (int offset = 0; offset < 8; offset += 2) {
    const auto page = "/v1/agents/agent/runs?limit=2&offset=" + std::to_string(offset);
    for (auto& id : values(page, "runs", "run_id")) all.push_back(id);
    EXPECT_NE(body(page).find(offset < 5 ? R"("has_more":true)" : R"("has_more":false)"), std::string::npos) << page;
  }
  EXPECT_EQ(all, (Texts{R"("r0")", R"("r1")", R"("r2")", R"("r3")", R"("r4")", R"("r5")", R"("r6")"}));
  EXPECT_EQ(body("/v1/agents/agent/runs?offset=9223372036854775807"),
            R"({"runs":[],"page":{"total":7,"offset":9223372036854775807,"limit":50,"has_more":false}})");
}

TEST_F(ApiTest, RunsFilterByLiveSignals) {
  add(TestRun{.run_id = "live"});
  add(TestRun{.run_id = "shadowed"});
  add(TestRun{.run_id = "clean"});
  add(TestSignal{.run_id = "live"});
  add(TestSignal{.run_id = "live", .failure_type = "OTHER_TYPE"});
  add(TestSignal{.run_id = "shadowed", .shadow = true});
  serve();
  EXPECT_EQ(values("/v1/agents/agent/runs?has_signals=true", "runs", "run_id"), (Texts{R"("live")"}));
  EXPECT_EQ(values("/v1/agents/agent/runs?has_signals=False", "runs", "run_id"),
            (Texts{R"("clean")", R"("shadowed")"}));
  EXPECT_NE(body("/v1/agents/agent/runs?has_signals=1&limit=1").find(R"("total":1,)"), std::string::npos);
  EXPECT_NE(body("/v1/agents/agent/runs?has_signals=0&limit=1").find(R"("total":2,)"), std::string::npos);
  EXPECT_EQ(get("/v1/agents/agent/runs?has_signals=perhaps").status, 422);
}

TEST_F(ApiTest, AgentNamesInThePathAreDecoded) {
  add(TestRun{.run_id = "slash", .agent_id = "team/agent one"});
  add(TestRun{.run_id = "camel", .agent_id = "chameau 🐪 é"});
  add(TestRun{.run_id = "percent", .agent_id = "100%25"});
  add(TestRun{.run_id = "plus", .agent_id = "a+b"});
  serve();
  const auto of = [&](const char* agent) {
    return values(std::string("/v1/agents/") + agent + "/runs", "runs", "run_id");
  };
  EXPECT_EQ(of("team%2Fagent%20one"), (Texts{R"("slash")"}));
  EXPECT_EQ(of("chameau%20%F0%9F%90%AA%20%c3%a9"), (Texts{R"("camel")"}));
  EXPECT_EQ(of("100%2525"), (Texts{R"("percent")"}));
  EXPECT_EQ(of("a+b"), (Texts{R"("plus")"}));
}

TEST_F(ApiTest, UnknownAgentsAreEmptyInDevMode) {
  add(TestRun{.run_id = "r1"});
  serve();
  EXPECT_EQ(body("/v1/agents/nobody/runs"), R"({"runs":[],"page":{"total":0,"offset":0,"limit":50,"has_more":false}})");
  EXPECT_EQ(body("/v1/agents/nobody/signals"),
            R"({"signals":[],"page":{"total":0,"offset":0,"limit":50,"has_more":false}})");
}

TEST_F(ApiTest, NamesThatNobodyCanHaveFindNothing) {
  add(TestRun{.run_id = "r1", .agent_id = "bot"});
  serve();
  for (const char* agent : {"bot%00", "bot%00x", "%FF%FE", "%ED%A0%80"}) {
    const auto answer = get(std::string("/v1/agents/") + agent + "/runs");
    if (answer.status == 400) continue;  // refused by the HTTP front is as good
    EXPECT_EQ(answer.status, 200) << agent << answer.body;
    EXPECT_NE(answer.body.find(R"("total":0)"), std::string::npos) << agent << answer.body;
  }
  const auto run = get("/v1/runs/r1%00");
  EXPECT_TRUE(run.status == 404 || run.status == 400) << run.status;
}

TEST_F(ApiTest, DevModeMergesTheRunsOfAgentsOfOneName) {
  add(TestRun{.run_id = "r1", .customer_id = "acme", .processed_at = 1767780001});
  add(TestRun{.run_id = "r2", .customer_id = "bolt", .processed_at = 1767780003});
  add(TestRun{.run_id = "r3", .customer_id = "acme", .processed_at = 1767780002});
  serve();
  EXPECT_EQ(values("/v1/agents/agent/runs?limit=2", "runs", "run_id"), (Texts{R"("r2")", R"("r3")"}));
  EXPECT_EQ(values("/v1/agents/agent/runs?limit=2&offset=2", "runs", "run_id"), (Texts{R"("r1")"}));
}

}  // namespace
}  // namespace dunetrace::api
