// The texts of the 15 detectors: every branch, missing evidence, hostile evidence.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <map>

#include <dunetrace/escape.hpp>

#include "cases.hpp"
#include "explain/explainer.hpp"
#include "json/reader.hpp"
#include "json/writer.hpp"
#include "shipped_texts.hpp"
#include "soundness.hpp"

namespace dunetrace::explain::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(ShippedTexts, AllFifteenParse) {
  std::size_t n = 0;
  for (const auto& source : shipped_templates()) {
    EXPECT_THAT(check_template(source), ::testing::IsEmpty());
    ++n;
  }
  EXPECT_EQ(n, 15u);
  EXPECT_THAT(shipped_explainer().problems(), ::testing::IsEmpty());
}

TEST(ShippedTexts, SayWhatTheEvidenceSays) {
  const auto explainer = shipped_explainer();
  for (const auto& c : cases()) {
    SCOPED_TRACE(c.name);
    const auto e = explainer.explain(facts_of(c.type, c.evidence));
    expect_sound(e);
    expect_well_written(prose(e));
    EXPECT_EQ(e.title, c.title);
    EXPECT_THAT(prose(e), Not(HasSubstr("unknown"))) << "complete evidence leaves nothing unknown";
    for (const auto& words : c.says) EXPECT_THAT(prose(e), HasSubstr(words));
    ASSERT_EQ(e.suggested_fixes.size(), c.languages.size());
    for (std::size_t i = 0; i < c.languages.size(); ++i) {
      EXPECT_EQ(e.suggested_fixes[i].language, c.languages[i]);
      EXPECT_THAT(e.suggested_fixes[i].description, HasSubstr(c.descriptions[i]));
    }
  }
}

TEST(ShippedTexts, UseOnlyEvidenceThatSomeCaseHas) {
  std::map<std::string, std::string> evidence;
  for (const auto& c : cases()) evidence[c.type] += c.evidence;
  for (const auto& source : shipped_templates()) {
    for (const auto& path : evidence_paths(source)) {
      const auto key = "\"" + path.substr(0, path.find('.')) + "\":";
      EXPECT_THAT(evidence[source.signal_type], HasSubstr(key)) << source.signal_type;
    }
  }
}

TEST(ShippedTexts, ReadWellWithoutAnyEvidence) {
  const auto explainer = shipped_explainer();
  for (const auto& source : shipped_templates()) {
    for (const auto* evidence : {"{}", "", "null", "[1]", "{\"tool\":", "\"text\""}) {
      SCOPED_TRACE(source.signal_type + " " + evidence);
      const auto e = explainer.explain(facts_of(source.signal_type, evidence));
      expect_sound(e);
      expect_well_written(prose(e));
      EXPECT_EQ(prose(e), prose(explainer.explain(facts_of(source.signal_type, "{}"))));
    }
  }
}

TEST(ShippedTexts, SurviveEveryKeyMissingOrNullAlone) {
  const auto explainer = shipped_explainer();
  json::Parser parser;
  for (const auto& c : cases()) {
    const auto root = parser.parse(c.evidence);
    ASSERT_TRUE(root.has_value());
    std::vector<std::pair<std::string, std::string>> members;
    root->each_member([&](std::string_view name, json::Value value) {
      members.emplace_back(std::string(name), json::to_text(value));
    });
    for (std::size_t missing = 0; missing < members.size(); ++missing) {
      for (const bool null : {false, true}) {
        json::Writer writer;
        writer.begin_object();
        for (std::size_t i = 0; i < members.size(); ++i) {
          if (i != missing) writer.field_raw(members[i].first, members[i].second);
          if (i == missing && null) writer.field_null(members[i].first);
        }
        writer.end_object();
        SCOPED_TRACE(c.name + " without " + members[missing].first);
        const auto e = explainer.explain(facts_of(c.type, writer.text()));
        expect_sound(e);
        expect_well_written(prose(e));
      }
    }
  }
}

// Every member replaced by something hostile: wrong kinds, monsters, markup, control characters.
TEST(ShippedTexts, HostileEvidenceIsTamed) {
  const auto explainer = shipped_explainer();
  const std::string monster(100'000, 'x');
  const std::vector<std::string> values = {"\"" + monster + "\"",
                                           R"("a\u0000\u001b[31m\nb\u202ec\u200b")",
                                           R"("<script>alert(1)</script>")",
                                           R"("{tool} {{x}} {?a}")",
                                           R"("`; rm -rf / `\"\"\"')",
                                           "-1",
                                           "1e308",
                                           "9223372036854775807",
                                           "true",
                                           "[]",
                                           "[null,{},[[]],\"<b>\"]",
                                           R"({"a":{"b":{"c":{}}}})"};
  json::Parser parser;
  for (const auto& c : cases()) {
    std::vector<std::string> names;
    const auto root = parser.parse(c.evidence);
    ASSERT_TRUE(root.has_value());
    root->each_member([&](std::string_view name, json::Value) { names.emplace_back(name); });
    for (const auto& value : values) {
      json::Writer writer;
      writer.begin_object();
      for (const auto& name : names) writer.field_raw(name, value);
      writer.end_object();
      SCOPED_TRACE(c.name + " " + value.substr(0, 40));
      const auto e = explainer.explain(facts_of(c.type, writer.text()));
      expect_sound(e);
      EXPECT_LT(e.title.size(), 700u);
      EXPECT_LT(prose(e).size(), 8000u);
      const auto all = everything(e);
      for (const auto* hidden : {"\u202e", "\u200b", "\x1b"}) EXPECT_THAT(all, Not(HasSubstr(hidden)));
      for (const auto& text : {e.title, e.what, e.why_it_matters, e.evidence_summary}) {
        EXPECT_THAT(escape_html(text), Not(HasSubstr("<")));
        EXPECT_THAT(escape_markup(text), Not(HasSubstr("<")));
      }
    }
  }
}

TEST(ShippedTexts, SameSignalGivesTheSameBytes) {
  const auto first = shipped_explainer();
  const auto second = shipped_explainer();
  for (const auto& c : cases()) {
    const auto once = everything(first.explain(facts_of(c.type, c.evidence)));
    EXPECT_EQ(once, everything(first.explain(facts_of(c.type, c.evidence)))) << c.name;
    EXPECT_EQ(once, everything(second.explain(facts_of(c.type, c.evidence)))) << c.name;
  }
}

// The code is there to be copied: it has to be Python, with the evidence of friends and of strangers.
TEST(ShippedTexts, PythonFixesCompile) {
  const auto explainer = shipped_explainer();
  const std::string path = ::testing::TempDir() + "dunetrace_fixes.json";
  json::Writer writer;
  writer.begin_array();
  std::size_t n = 0;
  const auto add = [&](const Explanation& e) {
    for (const auto& fix : e.suggested_fixes) {
      if (fix.language == "python") writer.string(fix.code), ++n;
    }
  };
  for (const auto& c : cases()) {
    add(explainer.explain(facts_of(c.type, c.evidence)));
    add(explainer.explain(facts_of(c.type, "{}")));
    add(explainer.explain(facts_of(c.type, R"({"count":"6): pass #","baseline_p75":"\"","tool":"\"\"\"\n"})")));
  }
  writer.end_array();
  std::ofstream(path) << writer.text();
  const std::string command =
      "python3 -c 'import json, sys\nfor code in json.load(open(sys.argv[1])): compile(code, "
      "\"fix\", \"exec\")' '" +
      path + "'";
  EXPECT_GT(n, 60u);
  EXPECT_EQ(std::system(command.c_str()), 0);
  std::remove(path.c_str());
}

}  // namespace
}  // namespace dunetrace::explain::testing
