// What is in the database afterwards.
#include "core/ids.hpp"
#include "fixture.hpp"
#include "store/ingest_rows.hpp"
#include "store/notifications.hpp"

namespace dunetrace::ingest {
namespace {

using StoringTest = IngestTest;

std::string event(const std::string& type, int step, double time, const std::string& payload,
                  const std::string& run = "r-1") {
  return R"({"event_type":")" + type + R"(","run_id":")" + run +
         R"(","agent_id":"my-ts-agent","agent_version":"gpt-4o",)" + R"("step_index":)" + std::to_string(step) +
         R"(,"timestamp":)" + std::to_string(time) + R"(,"payload":)" + payload + "}";
}

// The worked example of spec/wire.md 16: 22 events.
std::string worked_example() {
  constexpr double kStart = 1767225600.0;
  auto events = event("run.started", 0, kStart, R"({"model": "gpt-4o", "tools": ["web_search"]})");
  for (int round = 0; round < 5; ++round) {
    const int step = 1 + 4 * round;
    const auto at = [&](int i) { return kStart + 0.1 * (step + i); };
    events += "," + event("llm.called", step, at(0),
                          R"({"model":"gpt-4o","prompt_tokens":)" + std::to_string(200 + 50 * round) + "}");
    events += "," + event("llm.responded", step + 1, at(1),
                          R"({"completion_tokens":0,"latency_ms":0,"finish_reason":"tool_calls","output_length":0})");
    events += "," + event("tool.called", step + 2, at(2),
                          R"({"tool_name":"web_search","args_hash":"eyJxdWVyeSI6InNhbWUgcXVlcnkgZXZlcnkgdGltZSJ9"})");
    events += "," + event("tool.responded", step + 3, at(3),
                          R"({"tool_name":"web_search","success":true,"output_length":256,"latency_ms":0})");
  }
  events += "," + event("run.completed", 21, kStart + 2.1, R"({"exit_reason":"final_answer","total_steps":20})");
  return R"({"api_key": "", "agent_id": "my-ts-agent", "events": [)" + events + "]}";
}

TEST_F(StoringTest, TheWorkedExample) {
  start();
  const auto answer = post(worked_example());
  EXPECT_EQ(answer.status, 202);
  ASSERT_TRUE(stored(22));
  const auto rows = database.rows(R"(
    SELECT customer_id, agent_id, agent_version, first_step, parent_run_id, model, started_at, completed_at, outcome,
           max_step, event_count, tool_calls, llm_calls, prompt_tokens, completion_tokens, judged_events
    FROM runs)");
  ASSERT_EQ(rows.size(), 1u);
  const std::vector<std::optional<std::string>> expected{
      "dev_customer", "my-ts-agent", "gpt-4o", "0", std::nullopt, "gpt-4o", "1767225600", "1767225602.1",
      "completed",    "21",          "22",     "5", "5",          "1500",   "0",          "0"};
  EXPECT_EQ(rows[0], expected);
  // The manual client's Base64 arguments are not in the database, and equal ones are still equal.
  EXPECT_EQ(database.scalar("SELECT count(*) FROM events WHERE payload->>'args_hash' LIKE 'eyJ%'"), "0");
  EXPECT_EQ(
      database.scalar("SELECT count(DISTINCT payload->>'args_hash') FROM events WHERE event_type = 'tool.called'"),
      "1");
}

TEST_F(StoringTest, EveryColumnOfAnEvent) {
  start();
  ASSERT_EQ(
      post(batch(R"({"event_type":"external.signal","run_id":"r \t\\N\n","agent_id":"a\"{},","agent_version":"v'1",)"
                 R"("step_index":7,"timestamp":1767225600.123456,"payload":{"x":[1.50,"\\N\t"]},"parent_run_id":"p"})"))
          .status,
      202);
  ASSERT_TRUE(stored(1));
  const auto row = database.rows(
      "SELECT customer_id, event_type, run_id, agent_id, agent_version, step_index, \"timestamp\", payload::text, "
      "parent_run_id, abs(extract(epoch FROM now() - received_at)) < 60 FROM events")[0];
  const std::vector<std::optional<std::string>> expected{
      "dev_customer",      "external.signal",           "r \t\\N\n", "a\"{},", "v'1", "7",
      "1767225600.123456", R"({"x": [1.50, "\\N\t"]})", "p",         "t"};
  EXPECT_EQ(row, expected);
  EXPECT_EQ(database.scalar("SELECT run_id || agent_id || agent_version FROM runs"), "r \t\\N\na\"{},v'1");
}

TEST_F(StoringTest, ARunGrowsOverBatchesInAnyOrder) {
  start();
  const auto send = [&](const std::string& events) { ASSERT_EQ(post(batch(events)).status, 202); };
  send(event("run.errored", 9, 109, R"({})"));
  send(event("run.completed", 8, 108, R"({})"));
  send(event("tool.called", 5, 105, R"({})"));
  send(R"({"event_type":"run.started","run_id":"r-1","agent_id":"first","agent_version":"v0","step_index":0,)"
       R"("timestamp":100,"payload":{"model":"m"},"parent_run_id":"p"})");
  ASSERT_TRUE(stored(4));
  const auto row = database.rows(
      "SELECT agent_id, agent_version, first_step, first_timestamp, parent_run_id, model, started_at, completed_at, "
      "outcome, max_step, event_count FROM runs")[0];
  const std::vector<std::optional<std::string>> expected{"first", "v0",  "0",       "100", "p", "m",
                                                         "100",   "109", "errored", "9",   "4"};
  EXPECT_EQ(row, expected);
}

TEST_F(StoringTest, HostilePayloadsAreStored) {
  start();
  for (const auto* payload :
       {R"({"a":"\u0000"})", R"({"a":"\ud800","b":"\udc00x"})", R"({"n":1e400,"m":-1e5000})", R"({"\u0000":1,"":2})",
        R"({"a":1,"a":2})", "{\"s\":\"\\u001f\x7f\"}", R"({"n":12345678901234567890123})", R"({"n":1e-400})"}) {
    ASSERT_EQ(post(batch(event("tool.called", 1, 1, payload))).status, 202) << payload;
  }
  EXPECT_TRUE(stored(8));
  EXPECT_FALSE(database.log().contains("put_aside"));
}

TEST_F(StoringTest, TheLongestIdsFitTheIndexes) {
  start();
  // Text that does not compress.
  std::string noise;
  while (noise.size() < 800) noise += random_hex(32);
  noise.resize(800);
  const auto body = batch(R"({"event_type":"run.completed","run_id":")" + noise + R"(","agent_id":")" + noise +
                          R"(","agent_version":")" + noise + R"(","step_index":1})");
  ASSERT_EQ(post(body).status, 202);
  EXPECT_TRUE(stored(1));
  // What detection will write has the same ids in its keys.
  database.exec(
      "INSERT INTO processed_runs (customer_id, run_id, agent_id, agent_version, trigger) "
      "SELECT customer_id, run_id, agent_id, agent_version, 'completed' FROM runs");
}

TEST_F(StoringTest, AnnouncesFinishedRunsOnly) {
  std::atomic<int> calls = 0;
  const store::Notifications listener(database.options(), {{store::kRunsChannel, [&] { ++calls; }}},
                                      database.log().logger());
  ASSERT_TRUE(testing::wait_until([&] { return calls == 1; }));  // the connection is made
  start();
  ASSERT_EQ(post(batch(run_events("open", 0, 5, false))).status, 202);
  ASSERT_TRUE(stored(5));
  ASSERT_EQ(post(batch(run_events("done", 0, 5, true))).status, 202);
  ASSERT_TRUE(testing::wait_until([&] { return calls == 2; }));
  // A run that was judged as stalled and goes on is news as well.
  database.exec("UPDATE runs SET judged_events = 5 WHERE run_id = 'open'");
  ASSERT_EQ(post(batch(run_events("open", 5, 1, false))).status, 202);
  EXPECT_TRUE(testing::wait_until([&] { return calls == 3; }));
}

TEST_F(StoringTest, AnEventTheDatabaseRefusesIsPutAsideAndTheRestGoesOn) {
  // Nothing that passes admission is refused by the real table, so the table is made stricter.
  database.exec("ALTER TABLE events ADD CHECK (step_index <> 13)");
  start();
  ASSERT_EQ(post(batch(run_events("r-1", 0, 40, true))).status, 202);
  ASSERT_EQ(post(batch(run_events("r-2", 0, 10, true))).status, 202);
  EXPECT_TRUE(stored(49));
  EXPECT_TRUE(database.log().contains("ingest.event_put_aside"));
  EXPECT_EQ(database.scalar("SELECT event_count FROM runs WHERE run_id = 'r-1'"), "39");
}

TEST_F(StoringTest, MakesPartitionsForTheDaysToCome) {
  start();
  EXPECT_TRUE(testing::wait_until(
      [&] { return database.scalar("SELECT count(*) FROM pg_inherits WHERE inhparent = 'events'::regclass") != "1"; }));
  ASSERT_EQ(post(batch(run_events("r-1", 0, 1, false))).status, 202);
  ASSERT_TRUE(stored(1));
  EXPECT_EQ(database.scalar("SELECT count(*) FROM events_default"), "0");
}

}  // namespace
}  // namespace dunetrace::ingest
