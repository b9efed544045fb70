#include "plugin/integration.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "outward_plugin.hpp"
#include "plugin/describe.hpp"

namespace dunetrace::plugin {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

class IntegrationTest : public ::testing::Test {
 protected:
  IntegrationTest() {
    library_ = *describe(&fake_.plugin);
    entry_ = {&library_, &library_.components[1]};
  }
  Result<std::string> invoke(Invoke how, ActionCall call = {.action = "open"}) {
    on_invoke() = std::move(how);
    auto made = Integration::create(entry_, {std::string()}, services_);
    EXPECT_TRUE(made);
    return made->invoke(call);
  }
  static Invoke writes(std::function<void(dune_json*)> write) {
    return [write = std::move(write)](const dune_host*, const dune_call*, dune_json* json, dune_error*) -> dune_status {
      write(json);
      return DUNE_OK;
    };
  }
  void fails(Invoke how, const std::string& part) {
    const auto result = invoke(std::move(how));
    ASSERT_FALSE(result) << *result;
    EXPECT_THAT(result.error().text, HasSubstr("desk: open: "));
    EXPECT_THAT(result.error().text, HasSubstr(part));
  }

  OutwardPlugin fake_;
  Library library_;
  Entry entry_;
  RememberingServices services_;
};

TEST_F(IntegrationTest, DescribesItsActions) {
  const auto& actions = library_.components[1].actions;
  ASSERT_EQ(actions.size(), 2U);
  EXPECT_EQ(actions[1].id, "open");
  EXPECT_TRUE(actions[1].mutates);
  EXPECT_FALSE(actions[0].mutates);
  EXPECT_EQ(library_.components[0].max_batch, 2U);
}

TEST_F(IntegrationTest, HandsOverTheCallAndTakesTheResult) {
  const auto result = invoke(
      [](const dune_host*, const dune_call* call, dune_json* json, dune_error*) -> dune_status {
        EXPECT_EQ(view(call->action), "open");
        EXPECT_EQ(view(call->input_json), R"({"a":1})");
        EXPECT_EQ(view(call->idempotency_key), "k");
        EXPECT_EQ(call->dry_run, 1U);
        EXPECT_EQ(call->deadline_ms, 900);
        json->begin_object(json);
        json->key(json, to_str("x"));
        json->f64(json, 1.5);
        json->end_object(json);
        return DUNE_OK;
      },
      {.action = "open", .input = R"({"a":1})", .idempotency_key = "k", .deadline = 900ms, .dry_run = true});
  ASSERT_TRUE(result) << result.error().text;
  EXPECT_EQ(*result, R"({"x":1.5})");
  EXPECT_EQ(*invoke(writes([](dune_json* j) { j->null(j); })), "null") << "any one value";
}

TEST_F(IntegrationTest, RefusesWhatThePluginNeedNotSee) {
  const auto never = [](auto*, auto*, auto*, auto*) -> dune_status {
    ADD_FAILURE() << "the plugin was asked";
    return DUNE_OK;
  };
  const auto unknown = invoke(never, {.action = "close"});
  EXPECT_EQ(unknown.error().text, "desk: no action 'close'; expected one of list, open");
  for (const auto* input : {"", "{", "[]", "7", "{\"a\":}", "\xff"}) {
    const auto refused = invoke(never, {.action = "open", .input = input});
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().text, HasSubstr("no JSON object")) << input;
  }
  EXPECT_FALSE(invoke(never, {.action = "open", .input = "{\"a\":\"" + std::string(2'000'000, 'x') + "\"}"}));
}

TEST_F(IntegrationTest, FailuresCarryThePluginsReason) {
  fails([](auto*, auto*, auto*, dune_error* error) { return failure(error, DUNE_E_IO, "HTTP 500"); }, "HTTP 500");
  fails([](auto*, auto*, auto*, auto*) -> dune_status { return -7; }, "status -7");
  fails([](auto*, auto*, auto*, auto*) -> dune_status { throw 1; }, "exception");
}

TEST_F(IntegrationTest, ResultsAreOneJsonValue) {
  fails(writes([](dune_json*) {}), "not one complete JSON value");
  fails(writes([](dune_json* j) { j->begin_object(j); }), "not one complete JSON value");
  fails(writes([](dune_json* j) { j->end_object(j); }), "not one complete JSON value");
  fails(writes([](dune_json* j) { j->raw(j, to_str("{\"a\":}")); }), "no JSON");
  fails(writes([](dune_json* j) { j->raw(j, to_str("\"\xff\"")); }), "no JSON");
  fails(writes([](dune_json* j) {
          for (int i = 0; i < 100; ++i) j->begin_array(j);
        }),
        "larger than");
  fails(writes([](dune_json* j) {
          j->begin_array(j);
          for (int i = 0; i < 3'000'000; ++i) j->i64(j, i);
        }),
        "larger than");
  EXPECT_EQ(*invoke(writes([](dune_json* j) { j->str(j, {"a\0\xff", 3}); })), "\"a\xEF\xBF\xBD\"");
}

class MisshapenTable : public ::testing::TestWithParam<std::pair<std::function<void(OutwardPlugin&)>, const char*>> {};

TEST_P(MisshapenTable, IsRefusedWithTheReason) {
  OutwardPlugin fake;
  GetParam().first(fake);
  const auto library = describe(&fake.plugin);
  ASSERT_FALSE(library);
  EXPECT_THAT(library.error().text, HasSubstr(GetParam().second));
}

using Bend = std::pair<std::function<void(OutwardPlugin&)>, const char*>;
INSTANTIATE_TEST_SUITE_P(
    Tables, MisshapenTable,
    ::testing::Values(Bend([](auto& p) { p.components[0].vtable = nullptr; }, "post: the alert table is missing"),
                      Bend([](auto& p) { p.alert.struct_size = 16; }, "post: the alert table is missing or smaller"),
                      Bend([](auto& p) { p.alert.deliver = nullptr; }, "deliver must all be given"),
                      Bend([](auto& p) { p.alert.max_batch = 0; }, "max_batch is 0"),
                      Bend([](auto& p) { p.components[1].vtable = nullptr; }, "desk: the integration table is missing"),
                      Bend([](auto& p) { p.integration.invoke = nullptr; }, "invoke must all be given"),
                      Bend([](auto& p) { p.integration.action_count = 0; }, "0 actions"),
                      Bend([](auto& p) { p.integration.action_count = 4'000'000'000U; }, "4000000000 actions"),
                      Bend([](auto& p) { p.integration.actions = nullptr; }, "2 actions"),
                      Bend([](auto& p) { p.integration.action_stride = 8; }, "stride of 8"),
                      Bend([](auto& p) { p.actions[0].struct_size = 8; }, "an action record is smaller"),
                      Bend([](auto& p) { p.actions[0].id = to_str("Not Snake"); }, "not lower_snake_case"),
                      Bend([](auto& p) { p.actions[0].id = to_str("open"); }, "'open' is declared twice"),
                      Bend([](auto& p) { p.actions[1].title = dune_str{}; }, "desk.open title: is empty"),
                      Bend(
                          [](auto& p) {
                            p.actions[1].title = dune_str{nullptr, 9};
                          },
                          "a length of 9 without text"),
                      Bend([](auto& p) { p.actions[1].input_schema_json = to_str("{"); },
                           "desk.open: the input schema is no JSON"),
                      Bend([](auto& p) { p.actions[1].input_schema_json = to_str("[]"); }, "no JSON object")));

TEST(Description, AHugeBatchIsCut) {
  OutwardPlugin fake;
  fake.alert.max_batch = UINT32_MAX;
  EXPECT_EQ(describe(&fake.plugin)->components[0].max_batch, 1000U);
}

}  // namespace
}  // namespace dunetrace::plugin
