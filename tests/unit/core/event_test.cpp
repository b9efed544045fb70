#include "core/event.hpp"

#include <gtest/gtest.h>

#include "core/signal.hpp"

namespace dunetrace {
namespace {

TEST(EventKind, KnowsExactlyTheElevenWireNames) {
  int known = 0;
  for (const auto* name :
       {"run.started", "run.completed", "run.errored", "llm.called", "llm.responded", "tool.called", "tool.responded",
        "retrieval.called", "retrieval.responded", "external.signal", "policy.triggered"}) {
    const auto kind = event_kind(name);
    EXPECT_NE(kind, EventKind::other) << name;
    EXPECT_EQ(wire_name(kind), name);
    ++known;
  }
  EXPECT_EQ(known, 11);
  for (const auto* name : {"", "tool.call", "TOOL.CALLED", "tool.called "})
    EXPECT_EQ(event_kind(name), EventKind::other) << name;
}

TEST(EventKind, SaysWhatEndsARunAndWhatAnnotates) {
  EXPECT_TRUE(is_terminal(EventKind::run_errored));
  EXPECT_FALSE(is_terminal(EventKind::run_started));
  EXPECT_TRUE(is_annotation(EventKind::policy_triggered));
  EXPECT_FALSE(is_annotation(EventKind::tool_called));
}

TEST(Severity, ReadsItsOwnNamesOnly) {
  EXPECT_EQ(severity_from("HIGH"), Severity::high);
  EXPECT_EQ(severity_from("high"), std::nullopt);
  EXPECT_LT(Severity::medium, Severity::critical);
}

}  // namespace
}  // namespace dunetrace
