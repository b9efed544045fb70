// The texts of the 15 detectors, evidence member by evidence member: every branch is shown by some evidence, and no
// single member, of whatever kind or content, breaks a text or gets out of its place.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <dunetrace/escape.hpp>

#include <algorithm>
#include <map>
#include <set>

#include "cases.hpp"
#include "explain/template.hpp"
#include "explain/template_program.hpp"
#include "json/reader.hpp"
#include "json/writer.hpp"
#include "shipped_texts.hpp"
#include "soundness.hpp"

namespace dunetrace::explain::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using Members = std::vector<std::pair<std::string, std::string>>;  // name, JSON

Members members_of(const std::string& evidence) {
  json::Parser parser;
  Members members;
  const auto root = parser.parse(evidence);
  EXPECT_TRUE(root.has_value()) << evidence;
  if (root)
    root->each_member([&](std::string_view name, json::Value value) {
      members.emplace_back(std::string(name), json::to_text(value));
    });
  return members;
}

std::string json_of(const Members& members) {
  std::string out = "{";
  for (const auto& [name, value] : members) out += (out.size() > 1 ? ",\"" : "\"") + name + "\":" + value;
  return out + "}";
}

// The evidence of every case, whole, without each of its members, and without any.
std::map<std::string, std::vector<std::string>> variants() {
  std::map<std::string, std::vector<std::string>> all;
  for (const auto& c : cases()) {
    auto& of_type = all[c.type];
    const auto members = members_of(c.evidence);
    of_type.push_back(json_of(members));
    for (std::size_t i = 0; i < members.size(); ++i) {
      auto fewer = members;
      fewer.erase(fewer.begin() + static_cast<std::ptrdiff_t>(i));
      of_type.push_back(json_of(fewer));
    }
    of_type.emplace_back("{}");
  }
  return all;
}

std::vector<std::string> parts_of(const plugin::Template& source) {
  std::vector<std::string> parts{source.title, source.what, source.why_it_matters, source.evidence_summary};
  for (const auto& fix : source.fixes) parts.insert(parts.end(), {fix.description, fix.code});
  return parts;
}

std::string render(const std::string& part, const std::string& evidence) {
  json::Parser parser;
  const auto root = parser.parse(evidence);
  const std::array<BuiltIn, 4> built_ins = {{{"confidence", 0.7667},
                                             {"step_index", 19.0},
                                             {"run_id", std::string_view("run-1")},
                                             {"agent_version", std::string_view("v1")}}};
  return Template::parse(part)->render({.values = *root, .built_ins = built_ins});
}

// A branch that no evidence shows is one that nobody has read.
TEST(Variants, EveryConstantTextOfEveryTemplateIsShown) {
  const auto all = variants();
  std::size_t texts = 0;
  for (const auto& source : shipped_templates()) {
    for (const auto& part : parts_of(source)) {
      std::vector<std::string> shown;
      for (const auto& evidence : all.at(source.signal_type)) shown.push_back(render(part, evidence));
      const auto program = parse_template(part);
      ASSERT_TRUE(program) << program.error().text;
      for (const auto& instruction : program->instructions) {
        const auto* constant = std::get_if<Text>(&instruction);
        if (constant == nullptr) continue;
        ++texts;
        EXPECT_TRUE(std::ranges::any_of(
            shown, [&](const std::string& text) { return text.find(constant->text) != std::string::npos; }))
            << source.signal_type << " never says: " << constant->text;
      }
    }
  }
  EXPECT_GT(texts, 300U);
}

TEST(Variants, EveryFixOfEveryTemplateIsOfferedByTheTextsThatAreRead) {
  const auto explainer = shipped_explainer();
  const auto all = variants();
  for (const auto& source : shipped_templates()) {
    std::set<std::string> offered;
    for (const auto& evidence : all.at(source.signal_type)) {
      for (const auto& fix : explainer.explain(facts_of(source.signal_type, evidence)).suggested_fixes)
        offered.insert(fix.description);
    }
    EXPECT_EQ(offered.size(), source.fixes.size()) << source.signal_type;
  }
}

TEST(Variants, NoMemberOfAWrongKindBreaksAText) {
  std::string long_list = "[0";
  for (int i = 1; i < 5'000; ++i) long_list += "," + std::to_string(i);
  const std::string deep = std::string(60, '[') + "1" + std::string(60, ']');
  const std::vector<std::string> kinds = {"null",
                                          "true",
                                          "false",
                                          "0",
                                          "-1",
                                          "1.5",
                                          "-0.0",
                                          "1e308",
                                          "-1e-308",
                                          "9223372036854775807",
                                          "18446744073709551615",
                                          "\"text\"",
                                          "\"\"",
                                          "\"3\"",
                                          "[]",
                                          "{}",
                                          "[null]",
                                          "[[],{}]",
                                          "[1,\"a\",true,null]",
                                          R"({"a":{"b":1}})",
                                          R"([{"tokens":"x","signal_name":[1],"source":{}},3])",
                                          long_list + "]",
                                          deep};
  const auto explainer = shipped_explainer();
  for (const auto& c : cases()) {
    const auto members = members_of(c.evidence);
    for (std::size_t i = 0; i < members.size(); ++i) {
      for (const auto& kind : kinds) {
        auto changed = members;
        changed[i].second = kind;
        SCOPED_TRACE(c.name + ": " + members[i].first + " = " + kind.substr(0, 40));
        const auto e = explainer.explain(facts_of(c.type, json_of(changed)));
        expect_sound(e);
        EXPECT_THAT(prose(e), Not(HasSubstr("{"))) << "a placeholder that was left";
        EXPECT_THAT(prose(e), Not(HasSubstr("nan")));
        EXPECT_LT(prose(e).size(), 8'000U);
      }
    }
  }
}

bool valid_utf8(std::string_view text) { return escape_html(text).find("\xEF\xBF\xBD") == std::string::npos; }

// Every & begins an entity, and nothing else is left that markup reads.
void expect_no_markup(const std::string& escaped) {
  EXPECT_THAT(escaped, Not(HasSubstr("<")));
  EXPECT_THAT(escaped, Not(HasSubstr(">")));
  for (auto at = escaped.find('&'); at != std::string::npos; at = escaped.find('&', at + 1)) {
    const auto rest = std::string_view(escaped).substr(at, 6);
    EXPECT_TRUE(rest.starts_with("&amp;") || rest.starts_with("&lt;") || rest.starts_with("&gt;") ||
                rest.starts_with("&quot;") || rest.starts_with("&#39;"))
        << escaped;
  }
}

// JSON texts as they may stand in the database, and what they must not become.
std::vector<std::string> hostile_texts() {
  return {R"("<!channel> <@U0123ABC|boss> <https://evil.example|click>")",
          R"("&amp; &lt;b&gt; <b onclick=\"x('y')\">&copy;")",
          R"("<script>alert(1)</script><img src=x onerror=alert(1)>")",
          R"("`code` ``` ```python\nimport os\n```")",
          R"("first\nsecond\r\nthird\u2028fourth\u0085fifth\tsixth")",
          R"("{tool} {{x}} {?a}b{:}c{/} {confidence|pct} }{")",
          R"("%s %n %d ${HOME} $(id) `id` \\u0041 \\x41")",
          R"("*bold* _it_ ~no~ [link](javascript:alert(1)) # head")",
          R"("\u0000\u0001\u0007\u001b[31m\u001b]0;title\u0007\u007f\u009b")",
          R"("a\u202eb\u2066c\u200bd\ufeffe\u00adf")",
          R"("\ud83d\ude00 \u0627\u0644 \u0301\u0301\u0301 z\u0337a\u0337")",
          "\"broken \xFF\xFE \xC3( \xE2\x82 \xED\xA0\x80 utf-8\"",
          "\"" + std::string(10'000, 'x') + "\"",
          "\"" + std::string(3'000, '`') + "\"",
          R"(["<!here>","`","{x}","a\nb"])",
          R"([{"tokens":"<b>","signal_name":"<!here>\n`","source":"{x}"}])",
          R"({"<!channel>`\n{k}":"<v>"})"};
}

TEST(Variants, NoHostileMemberGetsOutOfItsPlace) {
  const auto explainer = shipped_explainer();
  for (const auto& c : cases()) {
    const auto members = members_of(c.evidence);
    for (std::size_t i = 0; i < members.size(); ++i) {
      for (const auto& hostile : hostile_texts()) {
        auto changed = members;
        changed[i].second = hostile;
        SCOPED_TRACE(c.name + ": " + members[i].first + " = " + hostile.substr(0, 60));
        const auto e = explainer.explain(facts_of(c.type, json_of(changed)));
        expect_sound(e);
        EXPECT_LT(e.title.size(), 700U);
        EXPECT_LT(prose(e).size(), 8'000U);
        EXPECT_EQ(std::ranges::count(prose(e), '`') % 2, 0) << "a quotation that a value closed: " << prose(e);
        for (const auto* unseen : {"\u202e", "\u2066", "\u200b", "\ufeff", "\u00ad", "\u2028", "\x7f"})
          EXPECT_THAT(everything(e), Not(HasSubstr(unseen)));
        for (const auto& text : {e.title, e.what, e.why_it_matters, e.evidence_summary}) {
          EXPECT_EQ(text.find_first_of("\r\n\t"), std::string::npos) << "a line of the value's own";
          expect_no_markup(escape_html(text));
          expect_no_markup(escape_markup(text));
        }
        const auto once = everything(e);
        EXPECT_EQ(once, everything(explainer.explain(facts_of(c.type, json_of(changed)))));
      }
    }
  }
}

// What a value says is shown as it stands; it is never read as a template.
TEST(Variants, PlaceholdersInValuesStayWords) {
  const auto explainer = shipped_explainer();
  const auto e = explainer.explain(
      facts_of("TOOL_LOOP", R"({"tool":"{count} {{x}} {?a}b{/}","count":5,"first_step":1,"last_step":5})"));
  EXPECT_EQ(e.title, "`{count} {{x}} {?a}b{/}` called 5 times between steps 1 and 5");
}

// The signal's own members are strangers', too.
TEST(Variants, HostileIdsAreTamed) {
  const auto explainer = shipped_explainer();
  const std::string id = "run\n`<!channel>`\x1b[31m\xff{x}" + std::string(10'000, 'r');
  for (const auto& source : shipped_templates()) {
    for (const auto* evidence : {"{}", "nonsense"}) {
      const auto e = explainer.explain({source.signal_type, Severity::high, 0.7667, -1, id, id, id, evidence});
      expect_sound(e);
      EXPECT_LT(everything(e).size(), 12'000U);
      EXPECT_TRUE(valid_utf8(everything(e)) || everything(e).find("\xEF\xBF\xBD") != std::string::npos);
      EXPECT_EQ(everything(e).find('\xFF'), std::string::npos);
    }
  }
  const auto unknown = explainer.explain({id, Severity::low, 0.7667, 3, id, id, id, R"({"<b>\n`":"\u001b"})"});
  expect_sound(unknown);
  EXPECT_EQ(unknown.title.find('\x1b'), std::string::npos);
}

}  // namespace
}  // namespace dunetrace::explain::testing
