#include "plugin/run_view.hpp"

#include <gtest/gtest.h>

#include "plugin/take.hpp"

namespace dunetrace::plugin {
namespace {

Run sample() {
  Run run;
  run.source.run_id = "r-1";
  run.agent_id = "a";
  run.current_step = 9;
  run.tool_calls.resize(2);
  run.tool_calls[1].tool_name = "search";
  run.tool_calls[1].success = false;
  run.llm_calls.resize(1);
  run.llm_calls[0].prompt_tokens = 12;
  run.baselines.p75_token_growth = 2.5;
  run.available_tools = {"search", "db"};
  return run;
}

TEST(RunView, OptionalFieldsOwnABit) {
  const auto run = sample();
  const RunView view(run, "default");
  const auto& raw = view.raw();
  const auto* const first = DUNE_AT(raw.tool_calls, dune_tool_call, 0);
  const auto* const second = DUNE_AT(raw.tool_calls, dune_tool_call, 1);
  EXPECT_EQ(first->has & DUNE_TOOL_HAS_SUCCESS, 0U);
  EXPECT_NE(second->has & DUNE_TOOL_HAS_SUCCESS, 0U);
  EXPECT_EQ(second->success, 0U);
  EXPECT_EQ(plugin::view(second->tool_name), "search");
  EXPECT_EQ(DUNE_AT(raw.llm_calls, dune_llm_call, 0)->has, static_cast<std::uint32_t>(DUNE_LLM_HAS_PROMPT_TOKENS));
  EXPECT_EQ(raw.has, static_cast<std::uint32_t>(DUNE_RUN_HAS_BASELINE_P75_TOKEN_GROWTH));
  EXPECT_EQ(raw.exit_reason.ptr, nullptr);
}

TEST(RunView, ElementsArePaddedWhenAsked) {
  const auto run = sample();
  const RunView view(run, "default", 24);
  EXPECT_EQ(view.raw().tool_calls.stride, sizeof(dune_tool_call) + 24);
  const auto* const end = static_cast<const unsigned char*>(view.raw().tool_calls.data) + sizeof(dune_tool_call);
  EXPECT_EQ(end[0], 0xEE);
  EXPECT_EQ(plugin::view(*DUNE_AT(view.raw().available_tools, dune_str, 1)), "db");
}

}  // namespace
}  // namespace dunetrace::plugin
