#include "explain/explainer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <limits>
#include <thread>

#include "shipped_texts.hpp"

namespace dunetrace::explain {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

plugin::Template simple() {
  return {"SOME_TYPE",
          "{tool} at {step_index}",
          "What {agent_id}",
          "Why {severity}",
          "Evidence. {confidence|pct}%",
          {{"{?a}Fix A{/}", "python", "\n  a = 1\n\n"}, {"{?b}Fix B{/}", "text", "b"}}};
}

Explainer with(plugin::Template source) {
  plugin::Component component;
  component.schema.id = "some";
  component.templates.push_back(std::move(source));
  Explainer explainer;
  explainer.add(component);
  return explainer;
}

Explainer shipped_explainer() {
  const auto component = testing::shipped_component();
  const plugin::Component* const components[] = {&component};
  return Explainer(components);
}

SignalFacts facts(std::string_view evidence, std::string_view type = "SOME_TYPE") {
  return {type, Severity::high, 0.7667, 19, "run-1", "agent-1", "v1", evidence};
}

TEST(Explainer, RendersTheTemplateOfTheType) {
  const auto e = with(simple()).explain(facts(R"({"tool":"search","a":true})"));
  EXPECT_EQ(e.title, "search at 19");
  EXPECT_EQ(e.what, "What agent-1");
  EXPECT_EQ(e.why_it_matters, "Why HIGH");
  EXPECT_EQ(e.evidence_summary, "Evidence. 76%");
  ASSERT_THAT(e.suggested_fixes, SizeIs(1));
  EXPECT_EQ(e.suggested_fixes[0].description, "Fix A");
  EXPECT_EQ(e.suggested_fixes[0].language, "python");
  EXPECT_EQ(e.suggested_fixes[0].code, "\n  a = 1");
}

TEST(Explainer, OffersTheEventsWhenNoFixApplies) {
  const auto e = with(simple()).explain(facts("{}"));
  ASSERT_THAT(e.suggested_fixes, SizeIs(1));
  EXPECT_EQ(e.suggested_fixes[0].description, "Inspect the run's events around step 19");
}

TEST(Explainer, KeepsAtMostThreeFixes) {
  auto source = simple();
  source.fixes.assign(6, {"Fix", "text", "x"});
  EXPECT_THAT(with(source).explain(facts("{}")).suggested_fixes, SizeIs(3));
}

TEST(Explainer, EvidenceAlwaysEndsWithTheConfidence) {
  auto source = simple();
  source.evidence_summary = "Seen 176%";
  EXPECT_EQ(with(source).explain(facts("{}")).evidence_summary, "Seen 176% Confidence: 76%");
  source.evidence_summary = "Seen. \n";
  EXPECT_EQ(with(source).explain(facts("{}")).evidence_summary, "Seen. Confidence: 76%");
  source.evidence_summary = "";
  EXPECT_EQ(with(source).explain(facts("{}")).evidence_summary, "Confidence: 76%");
}

TEST(Explainer, BoundsImpossibleConfidences) {
  const auto explainer = with(simple());
  auto signal = facts("{}");
  for (const auto& [confidence, percent] : std::vector<std::pair<double, std::string>>{
           {2.0, "100%"}, {-1, "0%"}, {std::numeric_limits<double>::quiet_NaN(), "0%"}, {0.29F, "29%"}}) {
    signal.confidence = confidence;
    EXPECT_TRUE(explainer.explain(signal).evidence_summary.ends_with(" " + percent)) << confidence;
  }
}

TEST(Explainer, TitleIsOneShortLine) {
  auto source = simple();
  source.title = "A\nb `{tool}` {tool|join:\",\"}";
  const auto e = with(source).explain(facts(R"({"tool":")" + std::string(1000, 'x') + R"("})"));
  EXPECT_TRUE(e.title.starts_with("A b `xxx")) << e.title;
  EXPECT_EQ(e.title.find('\n'), std::string::npos);
  EXPECT_LT(e.title.size(), 210u);
}

TEST(Explainer, EmptyTitleFallsBackToTheType) {
  auto source = simple();
  source.title = "{?missing}x{/}";
  EXPECT_EQ(with(source).explain(facts("{}")).title, "Some type at step 19");
}

TEST(Explainer, ATitleOfInvisibleCharactersFallsBackToTheType) {
  auto source = simple();
  source.title = "\x04 \xE2\x80\x8B\x7F";
  EXPECT_THAT(with(source).explain(facts("{}")).title, HasSubstr("Some type"));
}

TEST(Explainer, UnknownTypeIsExplainedGenerically) {
  const auto e =
      Explainer().explain(facts(R"({"tool":"se`arch","count":5,"ratio":2.50,"list":[1,2],"args_identical":true,
                                              "nested":{"a":{"b":[1]}},"nil":null})",
                                "LOST_IN_SPACE"));
  EXPECT_EQ(e.title, "Lost in space at step 19");
  EXPECT_THAT(e.what, HasSubstr("`LOST_IN_SPACE`"));
  EXPECT_THAT(e.why_it_matters, HasSubstr("HIGH"));
  EXPECT_EQ(e.evidence_summary,
            "Tool: se'arch; count: 5; ratio: 2.5; list: 1, 2; args identical: yes; nested: a: b: …; nil: unknown. "
            "Confidence: 76%");
  ASSERT_THAT(e.suggested_fixes, SizeIs(1));
  EXPECT_THAT(e.suggested_fixes[0].description, HasSubstr("Inspect the run's events"));
  EXPECT_THAT(e.suggested_fixes[0].code, HasSubstr("run-1"));
}

TEST(Explainer, GenericTextSurvivesAnything) {
  std::string many = "{";
  for (int i = 0; i < 500; ++i) many += "\"key" + std::to_string(i) + "\":\"" + std::string(500, 'v') + "\",";
  many += "\"end\":1}";
  for (const std::string& evidence : {std::string("{}"), std::string(), std::string("nonsense"), many,
                                      std::string(100000, '['), std::string("{\"a\\u0000\\n\":\"\\u001b\"}")}) {
    const auto e = Explainer().explain(facts(evidence, "X\n<script>"));
    EXPECT_EQ(e.title, "X <script> at step 19");
    EXPECT_LT(e.evidence_summary.size(), 4000u);
    EXPECT_TRUE(e.evidence_summary.ends_with("Confidence: 76%"));
    EXPECT_THAT(e.suggested_fixes, SizeIs(1));
  }
  EXPECT_EQ(Explainer().explain(facts("{}", "")).title, "Unnamed failure at step 19");
}

TEST(Explainer, BrokenTemplateIsReportedAndNotUsed) {
  auto source = simple();
  source.what = "first line\n {tool|shout}";
  source.fixes[1].code = "x = {";
  const auto explainer = with(source);
  EXPECT_FALSE(explainer.knows("SOME_TYPE"));
  ASSERT_THAT(explainer.problems(), SizeIs(2));
  EXPECT_THAT(explainer.problems()[0], HasSubstr("SOME_TYPE, what: line 2, column 8: unknown filter \"shout\""));
  EXPECT_THAT(explainer.problems()[1], HasSubstr("SOME_TYPE, fix 2 code: line 1, column 6"));
  EXPECT_EQ(explainer.explain(facts("{}")).title, "Some type at step 19");
  EXPECT_EQ(check_template(source), explainer.problems());
}

TEST(Explainer, TheFirstOfTwoTemplatesStays) {
  auto explainer = with(simple());
  plugin::Component other;
  other.schema.id = "other";
  other.templates.push_back(simple());
  other.templates[0].title = "second";
  explainer.add(other);
  EXPECT_EQ(explainer.explain(facts("{\"tool\":\"t\"}")).title, "t at 19");
  EXPECT_THAT(explainer.problems(), ElementsAre(HasSubstr("SOME_TYPE: other brings a second template")));
}

TEST(Explainer, HookMayChangeTheExplanation) {
  auto explainer = with(simple());
  explainer.set_hook("SOME_TYPE", [](const SignalFacts& signal, Explanation& e) {
    e.title = "from code\nfor " + std::string(signal.run_id);
    e.evidence_summary = "Counted.";
    e.suggested_fixes.assign(5, {"Fix", "text", "x"});
    return true;
  });
  const auto e = explainer.explain(facts("{}"));
  EXPECT_EQ(e.title, "from code for run-1");
  EXPECT_EQ(e.what, "What agent-1");
  EXPECT_EQ(e.evidence_summary, "Counted. Confidence: 76%");
  EXPECT_THAT(e.suggested_fixes, SizeIs(3));
}

TEST(Explainer, WhatAHookSaysIsUnderTheRulesForTexts) {
  auto explainer = with(simple());
  explainer.set_hook("SOME_TYPE", [](const SignalFacts&, Explanation& e) {
    e.title = " \n\x1B ";
    e.what = "red \x1B[31m\r\nsecond\xE2\x80\xAE line\xFF";
    e.why_it_matters = "";
    e.suggested_fixes = {{"Do\nthis\x07", "perl", "\x1B[2Jx\n\ty"}, {" ", "text", "no description"}};
    return true;
  });
  const auto e = explainer.explain(facts(R"({"tool":"t"})"));
  EXPECT_EQ(e.title, "t at 19") << "never empty";
  EXPECT_EQ(e.what, "red [31m\nsecond line\xEF\xBF\xBD");
  EXPECT_EQ(e.why_it_matters, "Why HIGH");
  ASSERT_THAT(e.suggested_fixes, SizeIs(1));
  EXPECT_EQ(e.suggested_fixes[0].description, "Do this");
  EXPECT_EQ(e.suggested_fixes[0].language, "text");
  EXPECT_EQ(e.suggested_fixes[0].code, "[2Jx\n\ty");
}

TEST(Explainer, HookThatDeclinesLeavesNoTrace) {
  auto explainer = with(simple());
  explainer.set_hook("SOME_TYPE", [](const SignalFacts&, Explanation& e) {
    e = {};
    return false;
  });
  EXPECT_EQ(explainer.explain(facts("{}")).what, "What agent-1");
}

TEST(Explainer, ListsTheEvidenceATemplateUses) { EXPECT_THAT(evidence_paths(simple()), ElementsAre("a", "b", "tool")); }

TEST(Explainer, ManyThreadsGetTheSameBytes) {
  const auto explainer = shipped_explainer();
  const auto signal =
      facts(R"({"tool":"search","count":5,"first_step":3,"last_step":19,"args_identical":true})", "TOOL_LOOP");
  const auto expected = explainer.explain(signal);
  std::atomic<int> different{0};
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        for (int n = 0; n < 200; ++n) {
          const auto e = explainer.explain(signal);
          if (e.title != expected.title || e.what != expected.what || e.evidence_summary != expected.evidence_summary) {
            ++different;
          }
        }
      });
    }
  }
  EXPECT_EQ(different, 0);
}

}  // namespace
}  // namespace dunetrace::explain
