// GET /v1/runs/{run_id}
#include "fixture.hpp"

namespace dunetrace::api {
namespace {

using Texts = std::vector<std::string>;

std::string member(const std::string& body, std::string_view name) {
  json::Parser parser;
  const auto root = parser.parse(body);
  return root ? json::to_text((*root)[name]) : root.error().text;
}

TEST_F(ApiTest, RunDetailCarriesEveryField) {
  add(TestRun{.run_id = "r1",
              .max_step = 21,
              .parent_run_id = "p0",
              .model = "gpt-4o",
              .incomplete = R"([{"detector": "demo", "reason": "timeout"}])"});
  add(TestEvent{.run_id = "r1",
                .type = "tool.called",
                .step = 1,
                .timestamp = 1767779991.5,
                .payload = R"({"tool_name": "search", "n": 1.50})"});
  add(TestEvent{.run_id = "r1", .type = "run.started", .timestamp = 1767779990.5, .parent_run_id = "p0"});
  add(TestSignal{.run_id = "r1", .step = 19, .detected_at = 1767780000.25, .alerted = true, .co_signals = 2});
  add(TestSignal{.run_id = "r1", .failure_type = "HIDDEN", .shadow = true});
  serve();
  EXPECT_EQ(
      body("/v1/runs/r1"),
      R"({"run_id":"r1","agent_id":"agent","agent_version":"v1","started_at":1767779990.5,)"
      R"("completed_at":1767779999.25,"exit_reason":"completed","run_exit_reason":"final_answer",)"
      R"("step_count":21,"parent_run_id":"p0","model":"gpt-4o",)"
      R"("incomplete":[{"reason": "timeout", "detector": "demo"}],"truncated":false,"event_count":2,"events_truncated":false,)"
      R"("events_removed":false,"event_retention_days":null,)"
      R"("events":[{"event_type":"run.started","step_index":0,"timestamp":1767779990.5,"payload":{},)"
      R"("parent_run_id":"p0"},{"event_type":"tool.called","step_index":1,"timestamp":1767779991.5,)"
      R"("payload":{"n": 1.50, "tool_name": "search"},"parent_run_id":null}],)"
      R"("signals":[{"id":1,"failure_type":"DEMO_TYPE","severity":"HIGH","step_index":19,"confidence":0.7667,)"
      R"("detected_at":1767780000.25,"evidence":{"tool": "search"},"co_signal_count":2,"shadow":false,)"
      R"("detector_id":"demo","detector_version":"1","config_hash":"c0ffee00c0ffee00",)"
      R"("title":"Demo of search","what":"What happened.","why_it_matters":"Why it matters.",)"
      R"("evidence_summary":"The evidence. Confidence: 76%",)"
      R"("suggested_fixes":[{"description":"Do this","language":"python","code":"pass"}]}]})");
}

TEST_F(ApiTest, RunDetailOrdersEventsAsTheReplayDoes) {
  add(TestRun{.run_id = "r1"});
  add(TestEvent{.run_id = "r1", .type = "d", .step = 2, .timestamp = 1});
  add(TestEvent{.run_id = "r1", .type = "b", .step = 1, .timestamp = 5});
  add(TestEvent{.run_id = "r1", .type = "c", .step = 1, .timestamp = 5});
  add(TestEvent{.run_id = "r1", .type = "a", .step = 1, .timestamp = 4});
  serve();
  EXPECT_EQ(values("/v1/runs/r1", "events", "event_type"), (Texts{R"("a")", R"("b")", R"("c")", R"("d")"}));
}

TEST_F(ApiTest, RunDetailBoundsTheBytesOfOneAnswer) {
  add(TestRun{.run_id = "r1"});
  for (const int step : {1, 2, 3}) {
    add(TestEvent{.run_id = "r1",
                  .type = "tool.called",
                  .step = step,
                  .payload = std::string(R"({"a": ")").append(7 * 1024 * 1024, 'x').append("\"}")});
  }
  serve();
  const auto answer = body("/v1/runs/r1");
  EXPECT_EQ(values("/v1/runs/r1", "events", "step_index"), (Texts{"1", "2"}));
  EXPECT_EQ(member(answer, "events_truncated"), "true");
}

TEST_F(ApiTest, RunDetailShowsAnEventThatWasSentTwiceOnce) {
  add(TestRun{.run_id = "r1"});
  for (const int step : {1, 2}) {
    add(TestEvent{.run_id = "r1", .type = "tool.called", .step = step, .payload = R"({"a": 1})"});
    add(TestEvent{.run_id = "r1", .type = "tool.called", .step = step, .payload = R"({"a": 2})"});
    add(TestEvent{.run_id = "r1", .type = "tool.called", .step = step, .payload = R"({"a": 1})"});
  }
  serve();
  EXPECT_EQ(values("/v1/runs/r1", "events", "payload"),
            (Texts{R"({"a":1})", R"({"a":2})", R"({"a":1})", R"({"a":2})"}));
}

TEST_F(ApiTest, RunDetailListsLiveSignalsByStepAndShadowOnesOnRequest) {
  add(TestRun{.run_id = "r1"});
  add(TestEvent{.run_id = "r1", .type = "run.started"});
  add(TestSignal{.run_id = "r1", .failure_type = "LATE", .step = 9});
  add(TestSignal{.run_id = "r1", .failure_type = "HIDDEN", .step = 5, .shadow = true});
  add(TestSignal{.run_id = "r1", .failure_type = "EARLY", .step = 1});
  serve();
  EXPECT_EQ(values("/v1/runs/r1", "signals", "failure_type"), (Texts{R"("EARLY")", R"("LATE")"}));
  EXPECT_EQ(values("/v1/runs/r1?include_shadow=true", "signals", "failure_type"),
            (Texts{R"("EARLY")", R"("HIDDEN")", R"("LATE")"}));
  EXPECT_EQ(values("/v1/runs/r1?include_shadow=true", "signals", "shadow"), (Texts{"false", "true", "false"}));
  EXPECT_EQ(get("/v1/runs/r1?include_shadow=x").status, 422);
}

TEST_F(ApiTest, RunsThatNobodyJudgedYetAreShown) {
  add(TestRun{.run_id = "r1", .trigger = {}, .completed_at = {}});
  add(TestEvent{.run_id = "r1", .type = "run.started"});
  serve();
  const auto text = body("/v1/runs/r1");
  EXPECT_EQ(member(text, "exit_reason"), "null");
  EXPECT_EQ(member(text, "run_exit_reason"), "null");
  EXPECT_EQ(member(text, "completed_at"), "null");
  EXPECT_EQ(member(text, "signals"), "[]");
  EXPECT_EQ(member(text, "incomplete"), "[]");
}

struct Ending {
  std::vector<TestEvent> events;
  const char* expected;
};

TEST_F(ApiTest, AnUnjudgedRunEndsAsItsLastTerminalEventSays) {
  const std::vector<Ending> endings = {
      {{{.run_id = "", .type = "run.completed", .step = 5, .payload = R"({"exit_reason": "final_answer"})"}},
       R"("final_answer")"},
      {{{.run_id = "", .type = "run.completed", .step = 5}}, R"("completed")"},
      {{{.run_id = "", .type = "run.completed", .step = 5, .payload = R"({"exit_reason": 7})"}}, R"("completed")"},
      {{{.run_id = "", .type = "run.completed", .step = 5, .payload = R"({"exit_reason": null})"}}, R"("completed")"},
      {{{.run_id = "", .type = "run.errored", .step = 5, .payload = R"({"exit_reason": "policy_violation"})"}},
       R"("error")"},
      // Order of the replay, not of arrival: the later step wins, then the later time, then the later arrival.
      {{{.run_id = "", .type = "run.errored", .step = 6}, {.run_id = "", .type = "run.completed", .step = 5}},
       R"("error")"},
      {{{.run_id = "", .type = "run.errored", .step = 5, .timestamp = 9},
        {.run_id = "", .type = "run.completed", .step = 5, .timestamp = 8}},
       R"("error")"},
      {{{.run_id = "", .type = "run.errored", .step = 5}, {.run_id = "", .type = "run.completed", .step = 5}},
       R"("completed")"},
      {{{.run_id = "", .type = "tool.called", .step = 7}}, "null"}};
  serve();
  for (std::size_t i = 0; i < endings.size(); ++i) {
    const auto id = "r" + std::to_string(i);
    add(TestRun{.run_id = id, .trigger = {}});
    for (auto event : endings[i].events) {
      event.run_id = id;
      add(event);
    }
    EXPECT_EQ(member(body("/v1/runs/" + id), "run_exit_reason"), endings[i].expected) << i;
  }
}

TEST_F(ApiTest, UnknownRunsAre404) {
  serve();
  const auto answer = get("/v1/runs/nowhere");
  EXPECT_EQ(answer.status, 404);
  EXPECT_EQ(answer.body, R"({"detail":"run nowhere does not exist"})");
}

TEST_F(ApiTest, ARunOutlivesItsEvents) {
  add(TestRun{.run_id = "judged"});
  add(TestSignal{.run_id = "judged"});
  add(TestRun{.run_id = "unjudged", .trigger = {}});
  add(TestRun{.run_id = "partly"});
  add(TestEvent{.run_id = "partly", .type = "llm.called"});
  add(TestRun{.run_id = "whole"});
  for (const int step : {1, 2}) add(TestEvent{.run_id = "whole", .type = "llm.called", .step = step});
  serve();
  for (const char* id : {"judged", "unjudged", "partly"}) {
    const auto text = body(std::string("/v1/runs/") + id);
    EXPECT_EQ(member(text, "events_removed"), "true") << id;
    EXPECT_EQ(member(text, "event_retention_days"), "null") << "removed by hand, as far as anybody knows";
    EXPECT_EQ(member(text, "event_count"), "2");
  }
  EXPECT_EQ(values("/v1/runs/judged", "signals", "failure_type"), (Texts{R"("DEMO_TYPE")"}));
  EXPECT_EQ(values("/v1/runs/partly", "events", "event_type"), (Texts{R"("llm.called")"}));
  database_.exec("INSERT INTO event_retention (seen_at, days) VALUES (now(), 14)");
  EXPECT_EQ(member(body("/v1/runs/judged"), "event_retention_days"), "14");
  EXPECT_EQ(member(body("/v1/runs/whole"), "events_removed"), "false");
  EXPECT_EQ(member(body("/v1/runs/whole"), "event_retention_days"), "null");
}

TEST_F(ApiTest, RunDetailFindsEventsOfEveryDayTheRunTook) {
  add(TestRun{.run_id = "r1", .received_at = 1767780000});
  database_.exec("UPDATE runs SET first_received_at = to_timestamp(1767600000) WHERE run_id = 'r1'");
  add(TestEvent{.run_id = "r1", .type = "first", .step = 0, .received_at = 1767600000});
  add(TestEvent{.run_id = "r1", .type = "last", .step = 1, .received_at = 1767780000});
  serve();
  EXPECT_EQ(values("/v1/runs/r1", "events", "event_type"), (Texts{R"("first")", R"("last")"}));
}

TEST_F(ApiTest, RunIdsInThePathAreDecoded) {
  add(TestRun{.run_id = "batch/7 é"});
  add(TestEvent{.run_id = "batch/7 é", .type = "run.started"});
  serve();
  EXPECT_EQ(member(body("/v1/runs/batch%2F7%20%C3%A9"), "run_id"), R"("batch/7 é")");
}

}  // namespace
}  // namespace dunetrace::api
