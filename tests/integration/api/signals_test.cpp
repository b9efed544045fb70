// GET /v1/agents/{agent_id}/signals
#include "fixture.hpp"

namespace dunetrace::api {
namespace {

using Texts = std::vector<std::string>;

TEST_F(ApiTest, SignalsCarryEveryField) {
  add(TestRun{.run_id = "r1"});
  add(TestSignal{.run_id = "r1", .step = 19, .detected_at = 1767780000.25, .alerted = true, .co_signals = 2});
  serve();
  EXPECT_EQ(body("/v1/agents/agent/signals"),
            R"({"signals":[{"id":1,"failure_type":"DEMO_TYPE","severity":"HIGH","run_id":"r1","agent_id":"agent",)"
            R"("agent_version":"v1","step_index":19,"confidence":0.7667,"detected_at":1767780000.25,)"
            R"("evidence":{"tool": "search"},"co_signal_count":2,"shadow":false,"alerted":true,)"
            R"("detector_id":"demo","detector_version":"1","config_hash":"c0ffee00c0ffee00",)"
            R"("title":"Demo of search","what":"What happened.","why_it_matters":"Why it matters.",)"
            R"("evidence_summary":"The evidence. Confidence: 76%",)"
            R"("suggested_fixes":[{"description":"Do this","language":"python","code":"pass"}]}],)"
            R"("page":{"total":1,"offset":0,"limit":50,"has_more":false}})");
}

TEST_F(ApiTest, SignalsOfATypeThatNobodyExplainsStillHaveATitle) {
  add(TestRun{.run_id = "r1"});
  add(TestSignal{.run_id = "r1", .failure_type = "RETIRED_TYPE"});
  serve();
  const auto titles = values("/v1/agents/agent/signals", "signals", "title");
  ASSERT_EQ(titles.size(), 1U);
  EXPECT_NE(titles[0], R"("")");
}

TEST_F(ApiTest, SignalsAreNewestFirstAndPaged) {
  add(TestRun{.run_id = "r0"});
  for (int i = 0; i < 5; ++i) {
    // The last two at one time: the later row first.
    add(TestSignal{.run_id = "r" + std::to_string(i), .detected_at = 1767780000.0 + std::min(i, 3)});
  }
  add(TestSignal{.run_id = "foreign", .agent_id = "agent2"});
  serve();
  const auto page = [&](const char* query) {
    return values(std::string("/v1/agents/agent/signals") + query, "signals", "run_id");
  };
  EXPECT_EQ(page(""), (Texts{R"("r4")", R"("r3")", R"("r2")", R"("r1")", R"("r0")"}));
  EXPECT_EQ(page("?limit=2&offset=2"), (Texts{R"("r2")", R"("r1")"}));
  EXPECT_EQ(page("?offset=5"), Texts{});
  EXPECT_NE(body("/v1/agents/agent/signals?limit=4").find(R"("page":{"total":5,"offset":0,"limit":4,"has_more":true})"),
            std::string::npos);
}

TEST_F(ApiTest, SignalsFilterBySeverityTypeAndShadow) {
  add(TestRun{.run_id = "low"});
  add(TestSignal{.run_id = "low", .severity = "LOW", .detected_at = 1767780001});
  add(TestSignal{.run_id = "high", .detected_at = 1767780002});
  add(TestSignal{.run_id = "other", .failure_type = "OTHER_TYPE", .detected_at = 1767780003});
  add(TestSignal{.run_id = "hidden", .detected_at = 1767780004, .shadow = true});
  serve();
  const auto of = [&](const char* query) {
    return values(std::string("/v1/agents/agent/signals?") + query, "signals", "run_id");
  };
  EXPECT_EQ(of(""), (Texts{R"("other")", R"("high")", R"("low")"}));
  EXPECT_EQ(of("severity=low"), (Texts{R"("low")"}));
  EXPECT_EQ(of("severity=High"), (Texts{R"("other")", R"("high")"}));
  EXPECT_EQ(of("severity=CRITICAL"), Texts{});
  EXPECT_EQ(of("failure_type=demo_type"), (Texts{R"("high")", R"("low")"}));
  EXPECT_EQ(of("failure_type=OTHER_TYPE&severity=HIGH"), (Texts{R"("other")"}));
  EXPECT_EQ(of("failure_type=OTHER_TYPE&severity=LOW"), Texts{});
  EXPECT_EQ(of("include_shadow=true"), (Texts{R"("hidden")", R"("other")", R"("high")", R"("low")"}));
  EXPECT_EQ(of("include_shadow=false"), (Texts{R"("other")", R"("high")", R"("low")"}));
  EXPECT_NE(body("/v1/agents/agent/signals?severity=high&limit=1").find(R"("total":2,)"), std::string::npos);
}

TEST_F(ApiTest, WithdrawnSignalsAreShownToWhoAsks) {
  add(TestRun{.run_id = "kept"});
  add(TestSignal{.run_id = "kept", .detected_at = 1767780001});
  add(TestSignal{.run_id = "gone", .detected_at = 1767780002, .withdrawn_at = 1767780009.5});
  add(TestSignal{.run_id = "hidden", .detected_at = 1767780003, .shadow = true, .withdrawn_at = 1767780009});
  serve();
  const auto of = [&](const std::string& query, const char* field) {
    return values("/v1/agents/agent/signals?" + query, "signals", field);
  };
  EXPECT_EQ(of("", "run_id"), (Texts{R"("kept")"}));
  EXPECT_EQ(of("include_withdrawn=false", "run_id"), (Texts{R"("kept")"}));
  EXPECT_EQ(of("include_shadow=true", "run_id"), (Texts{R"("kept")"}));
  EXPECT_EQ(of("include_withdrawn=true", "run_id"), (Texts{R"("gone")", R"("kept")"}));
  EXPECT_EQ(of("include_withdrawn=true", "withdrawn_at"), (Texts{"1767780009.5", "null"}));
  EXPECT_EQ(of("include_withdrawn=true&include_shadow=true", "run_id"),
            (Texts{R"("hidden")", R"("gone")", R"("kept")"}));
  EXPECT_EQ(body("/v1/agents/agent/signals").find("withdrawn_at"), std::string::npos);
  EXPECT_NE(body("/v1/agents/agent/signals?include_withdrawn=true&limit=1").find(R"("total":2,)"), std::string::npos);
}

TEST_F(ApiTest, UnknownSeveritiesAndTypesAreRefusedWithTheValidOnes) {
  serve();
  const auto severity = get("/v1/agents/agent/signals?severity=urgent");
  EXPECT_EQ(severity.status, 422);
  EXPECT_EQ(severity.body, R"({"detail":"unknown severity 'urgent'; valid values: LOW, MEDIUM, HIGH, CRITICAL"})");
  const auto type = get("/v1/agents/agent/signals?failure_type=NO_SUCH");
  EXPECT_EQ(type.status, 422);
  EXPECT_EQ(type.body, R"({"detail":"unknown failure type 'NO_SUCH'; valid values: DEMO_TYPE, OTHER_TYPE"})");
  EXPECT_EQ(get("/v1/agents/agent/signals?severity=").status, 422);
  EXPECT_EQ(get("/v1/agents/agent/signals?include_shadow=2").status, 422);
  EXPECT_EQ(get("/v1/agents/agent/signals?include_withdrawn=2").status, 422);
}

}  // namespace
}  // namespace dunetrace::api
