// The API follows a reload: its words change between two requests, and a refused change shows on /health.
#include "fixture.hpp"

namespace dunetrace::api {
namespace {

TEST_F(ApiTest, WordsAndTypesAreThoseInForceWhenTheRequestCame) {
  serve();
  add(TestRun{.run_id = "r"});
  add(TestSignal{.run_id = "r"});
  EXPECT_NE(body("/v1/runs/r").find(R"("title":"Demo of search")"), std::string::npos);
  EXPECT_EQ(get("/v1/agents/agent/signals?failure_type=NEW_TYPE").status, 422);

  plugin::Template text;
  text.signal_type = "DEMO_TYPE";
  text.title = "Now {tool} differs";
  plugin::Component component;
  component.schema.id = "demo";
  component.templates = {text};
  auto words = std::make_shared<Vocabulary>();
  words->explainer.add(component);
  words->failure_types = {"DEMO_TYPE", "NEW_TYPE"};
  set_vocabulary(std::move(words));

  EXPECT_NE(body("/v1/runs/r").find(R"("title":"Now search differs")"), std::string::npos);
  EXPECT_EQ(get("/v1/agents/agent/signals?failure_type=NEW_TYPE").status, 200);
}

TEST_F(ApiTest, HealthTellsOfARefusedReloadWithoutTheReason) {
  serve(true);
  live_.kept(kNow, "detectors.yml:3:5: unknown key");
  EXPECT_EQ(body("/health"), R"({"status":"ok","db":"ok","reload":"failed"})");
  EXPECT_EQ(get("/ready").status, 200);
  live_.replace(live_.current(), kNow + 1);
  EXPECT_EQ(body("/health"), R"({"status":"ok","db":"ok"})");
}

}  // namespace
}  // namespace dunetrace::api
