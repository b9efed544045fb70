// Every rule of spec/wire.md 3.1 and 3.4.
#include "ingest/admission.hpp"

#include <gtest/gtest.h>

#include "bodies.hpp"

namespace dunetrace::ingest {
namespace {

using testing::admitted;
using testing::body_of;
using testing::event_problems;
using testing::event_with;
using testing::problems;
using testing::valid_event;

TEST(Admission, TakesAWholeBatch) {
  const auto result = admitted(
      body_of(valid_event() + "," + event_with("event_type", R"("event_type":"run.completed","parent_run_id":"r-0")"),
              R"("api_key":"k","agent_id":"a-9","extra":[1,{}])"));
  ASSERT_TRUE(result) << result.error().body;
  EXPECT_EQ(result->api_key, "k");
  EXPECT_EQ(result->agent_id, "a-9");
  ASSERT_EQ(result->batch.events.size(), 2u);
  const auto& event = result->batch.events[0];
  EXPECT_EQ(event.kind, EventKind::tool_called);
  EXPECT_EQ(event.run_id, "r-1");
  EXPECT_EQ(event.agent_id, "a-1");
  EXPECT_EQ(event.agent_version, "v1");
  EXPECT_EQ(event.step_index, 3);
  EXPECT_EQ(event.timestamp, 1767225600.5);
  EXPECT_EQ(event.payload, R"({"tool_name":"search"})");
  EXPECT_EQ(event.parent_run_id.data(), nullptr);
  EXPECT_EQ(result->batch.events[1].parent_run_id, "r-0");
  EXPECT_GT(result->batch.bytes, 100u);
}

TEST(Admission, TakesTheElevenEventTypesOnly) {
  for (const auto* type :
       {"run.started", "run.completed", "run.errored", "llm.called", "llm.responded", "tool.called", "tool.responded",
        "retrieval.called", "retrieval.responded", "external.signal", "policy.triggered"}) {
    EXPECT_EQ(event_problems("event_type", R"("event_type":")" + std::string(type) + "\""), "accepted") << type;
  }
  EXPECT_EQ(event_problems("event_type", R"("event_type":"foo.bar")"),
            "value_error @ \"body\" \"events\" 0 \"event_type\": unsupported event type 'foo.bar'");
  EXPECT_EQ(event_problems("event_type", R"("event_type":"Tool.called")").substr(0, 11), "value_error");
}

TEST(Admission, WantsEveryRequiredMember) {
  for (const auto* member : {"event_type", "run_id", "agent_id", "agent_version", "step_index"}) {
    EXPECT_EQ(event_problems(member, ""),
              "missing @ \"body\" \"events\" 0 \"" + std::string(member) + "\": Field required");
  }
  for (const auto* member : {"timestamp", "payload"}) EXPECT_EQ(event_problems(member, ""), "accepted");
  EXPECT_EQ(problems(R"({"events":[]})"),
            "missing @ \"body\" \"agent_id\": Field required\n"
            "too_short @ \"body\" \"events\": List should have at least 1 item after validation, not 0");
  EXPECT_EQ(problems(R"({"agent_id":"a"})"), "missing @ \"body\" \"events\": Field required");
}

TEST(Admission, WantsNonEmptyTextsAsIds) {
  for (const auto* member : {"run_id", "agent_id", "agent_version"}) {
    const auto at = "@ \"body\" \"events\" 0 \"" + std::string(member) + "\": ";
    const auto with = [&](std::string_view value) {
      return event_problems(member, "\"" + std::string(member) + "\":" + std::string(value));
    };
    EXPECT_EQ(with("\"\""), "string_too_short " + at + "String should have at least 1 character");
    EXPECT_EQ(with("\"\\u0000\""), "string_too_short " + at + "String should have at least 1 character");
    for (const auto* wrong : {"null", "1", "true", "[]", "{}"}) {
      EXPECT_EQ(with(wrong), "string_type " + at + "Input should be a valid string") << wrong;
    }
    EXPECT_EQ(with("\"" + std::string(kLongestId, 'x') + "\""), "accepted");
    EXPECT_EQ(with("\"" + std::string(kLongestId + 1, 'x') + "\"").substr(0, 15), "string_too_long");
  }
  EXPECT_EQ(problems(body_of(valid_event(), R"("agent_id":"")")),
            "string_too_short @ \"body\" \"agent_id\": String should have at least 1 character");
}

TEST(Admission, CoercesStepIndex) {
  const auto step = [](std::string_view value) {
    const auto result = admitted(body_of(event_with("step_index", "\"step_index\":" + std::string(value))));
    return result ? static_cast<std::int64_t>(result->batch.events[0].step_index) : -1;
  };
  EXPECT_EQ(step("0"), 0);
  EXPECT_EQ(step("3.0"), 3);
  EXPECT_EQ(step("\"7\""), 7);
  EXPECT_EQ(step("\"7.0\""), 7);
  EXPECT_EQ(step("2147483647"), 2147483647);
  for (const auto* wrong : {"-1", "2147483648", "3.5", "\"3.5\"", "true", "null", "\"\"", "\"x\"", "\"0x1\"", "[1]",
                            "{}", "1e400", "\"nan\"", "\"inf\"", "99999999999999999999", "\"-1\"", "-0.5"}) {
    EXPECT_EQ(step(wrong), -1) << wrong;
  }
  EXPECT_EQ(event_problems("step_index", "\"step_index\":-1"),
            "greater_than_equal @ \"body\" \"events\" 0 \"step_index\": Input should be greater than or equal to 0");
  EXPECT_EQ(event_problems("step_index", "\"step_index\":2147483648"),
            "less_than_equal @ \"body\" \"events\" 0 \"step_index\": Input should be less than or equal to 2147483647");
  EXPECT_EQ(event_problems("step_index", "\"step_index\":\"x\""),
            "int_parsing @ \"body\" \"events\" 0 \"step_index\": Input should be a valid integer");
}

TEST(Admission, CoercesTimestamps) {
  const auto time = [](std::string_view value) {
    const auto result = admitted(body_of(event_with("timestamp", "\"timestamp\":" + std::string(value))));
    return result ? result->batch.events[0].timestamp : -12345.0;
  };
  EXPECT_EQ(time("1767225600"), 1767225600.0);
  EXPECT_EQ(time("\"1767225600.25\""), 1767225600.25);
  EXPECT_EQ(time("-1.5"), -1.5);
  EXPECT_EQ(time("0"), 0.0);
  for (const auto* wrong :
       {"null", "true", "\"\"", "\"now\"", "\"nan\"", "\"inf\"", "\"1e400\"", "1e400", "[]", "{}"}) {
    EXPECT_EQ(time(wrong), -12345.0) << wrong;
  }
}

TEST(Admission, TakesTheTimeOfReceiptWhereThereIsNone) {
  EXPECT_EQ(admitted(body_of(event_with("timestamp", "")))->batch.events[0].timestamp, testing::kNow);
}

TEST(Admission, WantsAnObjectAsPayload) {
  for (const auto* wrong : {"null", "[]", "\"{}\"", "1", "true"}) {
    EXPECT_EQ(event_problems("payload", "\"payload\":" + std::string(wrong)),
              "dict_type @ \"body\" \"events\" 0 \"payload\": Input should be a valid dictionary")
        << wrong;
  }
  EXPECT_EQ(admitted(body_of(event_with("payload", "")))->batch.events[0].payload, "{}");
}

TEST(Admission, TakesANullParentButNoOtherKind) {
  EXPECT_EQ(event_problems("", "\"parent_run_id\":null"), "accepted");
  EXPECT_EQ(event_problems("", "\"parent_run_id\":3"),
            "string_type @ \"body\" \"events\" 0 \"parent_run_id\": Input should be a valid string");
  EXPECT_EQ(admitted(body_of(event_with("", "\"parent_run_id\":\"\"")))->batch.events[0].parent_run_id.data(), nullptr);
}

TEST(Admission, TakesAnAbsentOrNullKeyAsEmpty) {
  EXPECT_EQ(admitted(body_of(valid_event()))->api_key, "");
  EXPECT_EQ(admitted(body_of(valid_event(), R"("api_key":null,"agent_id":"a")"))->api_key, "");
  EXPECT_EQ(problems(body_of(valid_event(), R"("api_key":7,"agent_id":"a")")),
            "string_type @ \"body\" \"api_key\": Input should be a valid string");
}

TEST(Admission, LimitsTheBatch) {
  EXPECT_EQ(problems(body_of(valid_event() + "," + valid_event()), {.max_batch_size = 2}), "accepted");
  EXPECT_EQ(problems(body_of(valid_event() + "," + valid_event()), {.max_batch_size = 1}),
            "too_long @ \"body\" \"events\": List should have at most 1 items after validation, not 2");
  EXPECT_EQ(problems(R"({"agent_id":"a","events":{}})"),
            "list_type @ \"body\" \"events\": Input should be a valid list");
}

TEST(Admission, RefusesTheBatchForOneEvent) {
  const auto text = problems(body_of(valid_event() + "," + event_with("run_id", "") + ",7"));
  EXPECT_EQ(
      text,
      "missing @ \"body\" \"events\" 1 \"run_id\": Field required\n"
      "model_attributes_type @ \"body\" \"events\" 2: Input should be a valid dictionary or object to extract fields "
      "from");
}

TEST(Admission, ReportsAtMostTwentyProblems) {
  std::string events = "7";
  for (int i = 0; i < 99; ++i) events += ",7";
  const auto result = admitted(body_of(events));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().events, 100u);
  const auto text = problems(body_of(events));
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 19);
}

TEST(Admission, SaysWhenTheBodyIsNoJson) {
  for (const auto* wrong : {"{", "nope", "{\"agent_id\":\"a\",}", "\xff", "{}{}"}) {
    EXPECT_EQ(problems(wrong), "json_invalid @ \"body\" 0: JSON decode error") << wrong;
  }
  for (const auto* empty : {"", " \n"}) EXPECT_EQ(problems(empty), "missing @ \"body\": Field required");
  for (const auto* other : {"[]", "3", "null", "\"x\""}) {
    EXPECT_TRUE(problems(other).starts_with("model_attributes_type @ \"body\": ")) << other;
  }
}

TEST(Admission, KeepsTheClientsOwnBytes) {
  const std::string payload = R"({ "a" : 1.50, "b":[1e2,-0.0], "ü":"\u00fc\n", "big":12345678901234567890 })";
  const auto result = admitted(body_of(event_with("payload", "\"payload\":" + payload)));
  EXPECT_EQ(result->batch.events[0].payload, payload);
}

TEST(Admission, RemovesWhatTheDatabaseCannotHold) {
  const auto payload = [](std::string_view text) {
    const auto result = admitted(body_of(event_with("payload", "\"payload\":" + std::string(text))));
    return result ? std::string(result->batch.events[0].payload) : "refused";
  };
  EXPECT_EQ(payload(R"({"a":"x\u0000y"})"), R"({"a":"xy"})");
  EXPECT_EQ(payload(R"({"a":"x\\u0000y"})"), R"({"a":"x\\u0000y"})");
  EXPECT_EQ(payload(R"({"a":"\ud800"})"), R"({"a":"\ufffd"})");
  EXPECT_EQ(payload(R"({"a":"\ud83d\ude00"})"), R"({"a":"\ud83d\ude00"})");
  EXPECT_EQ(payload(R"({"a":1e5000,"b":-1E+99999, "c":"1e5000"})"), R"({"a":null,"b":null, "c":"1e5000"})");
  EXPECT_EQ(payload(R"({"a":1e-5000,"b":1e300})"), R"({"a":null,"b":1e300})");
  EXPECT_EQ(payload("{\"a\":" + std::string(9000, '7') + "}"), R"({"a":null})");
  const auto result = admitted(body_of(event_with("run_id", R"("run_id":"r\u0000-1")")));
  EXPECT_EQ(result->batch.events[0].run_id, "r-1");
}

TEST(Admission, FindsWhatTheListsShow) {
  const auto one = [](std::string_view type, std::string_view payload) {
    auto result = admitted(body_of(
        event_with("event_type", "\"event_type\":\"" + std::string(type) + "\",\"payload\":" + std::string(payload))));
    return std::move(*result);
  };
  const auto started = one("run.started", R"({"model":"m\u0000x"})");
  EXPECT_EQ(started.batch.events[0].model, "mx");
  const auto called = one("llm.called", R"({"prompt_tokens":250,"model":"m"})");
  EXPECT_EQ(called.batch.events[0].prompt_tokens, 250);
  EXPECT_EQ(called.batch.events[0].model.data(), nullptr);
  const auto responded = one("llm.responded", R"({"completion_tokens":7.0,"prompt_tokens":-5})");
  EXPECT_EQ(responded.batch.events[0].completion_tokens, 7);
  EXPECT_EQ(responded.batch.events[0].prompt_tokens, 0);
  EXPECT_EQ(one("llm.called", R"({"prompt_tokens":9e18})").batch.events[0].prompt_tokens, 0);
  EXPECT_EQ(one("tool.called", R"({"prompt_tokens":5})").batch.events[0].prompt_tokens, 0);
}

TEST(Admission, TakesTheLastOfRepeatedMembers) {
  const auto result = admitted(body_of(event_with("", R"("run_id":"r-2","payload":{"x":2})")));
  EXPECT_EQ(result->batch.events[0].run_id, "r-2");
  EXPECT_EQ(result->batch.events[0].payload, R"({"x":2})");
}

TEST(Admission, NeverRepeatsValuesOfTheClient) {
  const auto result = admitted(body_of(event_with("run_id", R"("run_id":{"secret":"hunter2"})"),
                                       R"("api_key":["hunter2"],"agent_id":{"a":"hunter2"})"));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().body.find("hunter2"), std::string::npos) << result.error().body;
}

}  // namespace
}  // namespace dunetrace::ingest
