#include <gtest/gtest.h>
#include <dunetrace/testing/run_builder.hpp>

namespace dunetrace::testing {
namespace {

TEST(KitRunBuilder, HasEverythingThatWasSaid) {
  Baselines usual;
  usual.steps = 4;
  usual.token_growth = 2.5;
  const OwnedRun owned = RunBuilder("shop")
                             .run_id("r")
                             .version("v2")
                             .category("c")
                             .parent("p")
                             .input_hash("h")
                             .tools({"search", "read"})
                             .baselines(usual)
                             .truncated()
                             .tool("search")
                             .args("x")
                             .fails("e")
                             .takes(300)
                             .output(7)
                             .x(3)
                             .llm(500)
                             .model("m")
                             .completion(9)
                             .finish("length")
                             .output(80)
                             .retrieval("docs")
                             .results(2)
                             .score(0.5)
                             .signal("s")
                             .source("w")
                             .completed("done")
                             .done();
  const dunetrace::Run run = owned.view();
  EXPECT_EQ(run.agent_id(), "shop");
  EXPECT_EQ(run.run_id(), "r");
  EXPECT_EQ(run.agent_version(), "v2");
  EXPECT_EQ(run.category(), "c");
  EXPECT_EQ(run.parent_run_id(), "p");
  EXPECT_EQ(run.input_hash(), "h");
  EXPECT_EQ(run.exit_reason(), "done");
  EXPECT_TRUE(run.is_complete() && run.is_truncated());
  EXPECT_EQ(run.step(), 5);
  EXPECT_EQ(run.baseline_p75_steps(), 4);
  EXPECT_EQ(run.baseline_p75_token_growth(), 2.5);
  EXPECT_FALSE(run.baseline_p75_llm_tool_ratio());
  EXPECT_EQ(std::string_view(run.available_tools()[1]), "read");
  ASSERT_EQ(run.tool_calls().size(), 3U);
  const ToolCall call = run.tool_calls().back();
  EXPECT_TRUE(call.failed() && call.step() == 3 && call.name() == "search" && call.args_hash() == "x");
  EXPECT_EQ(call.error_hash(), "e");
  EXPECT_EQ(call.latency_ms(), 300);
  EXPECT_EQ(call.output_length(), 7);
  const LlmCall model = run.llm_calls().front();
  EXPECT_TRUE(model.model() == "m" && model.prompt_tokens() == 500 && model.completion_tokens() == 9);
  EXPECT_EQ(model.finish_reason(), "length");
  EXPECT_EQ(run.retrievals()[0].top_score(), 0.5);
  EXPECT_EQ(run.external_signals()[0].source(), "w");
  EXPECT_EQ(run.events().size(), 13U);
  EXPECT_EQ(run.step_durations()[1].duration_ms(), 300);
}

TEST(KitRunBuilder, WhatWasNotSaidIsAbsent) {
  const OwnedRun owned = RunBuilder().tool("t").unanswered().llm().llm().unanswered().done();
  const dunetrace::Run run = owned.view();
  EXPECT_FALSE(run.is_complete() || run.exit_reason() || run.parent_run_id() || run.input_hash());
  EXPECT_FALSE(run.tool_calls()[0].success());
  EXPECT_FALSE(run.tool_calls()[0].error_hash());
  EXPECT_EQ(run.tool_calls()[0].args_hash(), "");
  EXPECT_FALSE(run.llm_calls()[0].prompt_tokens());
  EXPECT_EQ(run.llm_calls().size(), 1U) << "only answered model calls are seen";
}

TEST(KitRunBuilder, PaddedRecordsAreFurtherApartAndSayTheSame) {
  RunBuilder builder;
  builder.tool("a").tool("b");
  const OwnedRun plain = builder.done(), padded = builder.padded().done();
  EXPECT_EQ(plain.raw()->tool_calls.stride, sizeof(dune_tool_call));
  EXPECT_EQ(padded.raw()->tool_calls.stride, sizeof(dune_tool_call) + 24);
  const auto* behind = static_cast<const unsigned char*>(padded.raw()->tool_calls.data) + sizeof(dune_tool_call);
  EXPECT_EQ(std::count(behind, behind + 24, 0xEE), 24);
  EXPECT_EQ(padded.view().tool_calls()[1].name(), "b");
}

TEST(KitRunBuilder, ARunThatMovesStaysReadable) {
  OwnedRun first = RunBuilder("a").tool("x").done();
  const OwnedRun second = std::move(first);
  EXPECT_EQ(second.view().tool_calls()[0].name(), "x");
  EXPECT_EQ(second.view().agent_id(), "a");
}

TEST(KitRunBuilder, RefusesWhatMakesNoSense) {
  EXPECT_THROW(RunBuilder().fails(), std::logic_error);
  EXPECT_THROW(RunBuilder().llm(1).fails(), std::logic_error);
  EXPECT_THROW(RunBuilder().tool("t").results(1), std::logic_error);
  EXPECT_THROW(RunBuilder().event("tool.called").done(), std::logic_error);
  EXPECT_THROW(RunBuilder().event("x", "[]").done(), std::logic_error);
  EXPECT_THROW(RunBuilder().tool("a").tool("b").step(0).done(), std::logic_error);
}

}  // namespace
}  // namespace dunetrace::testing
