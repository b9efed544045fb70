// What every explanation has to be, whatever the evidence was; shared by the tests of the shipped texts.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "explain/explainer.hpp"
#include "shipped_texts.hpp"

namespace dunetrace::explain::testing {

inline Explainer shipped_explainer() {
  const auto component = shipped_component();
  const plugin::Component* const components[] = {&component};
  return Explainer(components);
}

inline SignalFacts facts_of(std::string_view type, std::string_view evidence) {
  return {type, Severity::high, 0.7667, 19, "run-1", "agent-1", "v1", evidence};
}

inline std::string everything(const Explanation& e) {
  auto all = e.title + "\n" + e.what + "\n" + e.why_it_matters + "\n" + e.evidence_summary;
  for (const auto& fix : e.suggested_fixes) all += "\n" + fix.description + "\n" + fix.language + "\n" + fix.code;
  return all;
}

inline std::string prose(const Explanation& e) {
  return e.title + "\n" + e.what + "\n" + e.why_it_matters + "\n" + e.evidence_summary;
}

// What every explanation has to be, whatever the evidence was.
inline void expect_sound(const Explanation& e) {
  ASSERT_FALSE(e.title.empty());
  EXPECT_FALSE(e.title[0] >= 'a' && e.title[0] <= 'z') << e.title;
  EXPECT_EQ(e.title.find('\n'), std::string::npos);
  EXPECT_GT(e.what.size(), 40u);
  EXPECT_GT(e.why_it_matters.size(), 40u);
  EXPECT_TRUE(e.evidence_summary.ends_with("Confidence: 76%")) << e.evidence_summary;
  EXPECT_GE(e.suggested_fixes.size(), 1u);
  EXPECT_LE(e.suggested_fixes.size(), 3u);
  for (const auto& fix : e.suggested_fixes) {
    EXPECT_FALSE(fix.description.empty());
    EXPECT_FALSE(fix.code.empty());
    EXPECT_THAT(fix.language, ::testing::AnyOf("python", "text", "yaml"));
  }
  for (const char c : everything(e)) EXPECT_TRUE(c == '\n' || static_cast<unsigned char>(c) >= 0x20) << int{c};
}

// Traces of a section that rendered badly.
inline void expect_well_written(const std::string& text) {
  EXPECT_THAT(text,
              ::testing::AllOf(::testing::Not(::testing::HasSubstr("{")), ::testing::Not(::testing::HasSubstr("}")),
                               ::testing::Not(::testing::HasSubstr("  ")), ::testing::Not(::testing::HasSubstr(" ."))));
  EXPECT_THAT(text,
              ::testing::AllOf(::testing::Not(::testing::HasSubstr(" ,")), ::testing::Not(::testing::HasSubstr("..")),
                               ::testing::Not(::testing::HasSubstr("``")), ::testing::Not(::testing::HasSubstr("()"))));
}

}  // namespace dunetrace::explain::testing
