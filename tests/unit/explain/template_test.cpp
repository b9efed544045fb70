#include "explain/template.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

namespace dunetrace::explain {
namespace {

using ::testing::HasSubstr;

constexpr std::string_view kEvidence = R"({
  "tool": "search", "count": 5, "one": 1, "zero": 0, "rate": 0.29, "ratio": 3.22, "tokens": 12800.0, "ms": 20000,
  "yes": true, "no": false, "nil": null, "empty": "", "none": [], "nothing": {}, "list": ["a", "b", "a"],
  "numbers": [1, 2.50, 30000], "a": {"b": {"c": "deep"}}, "objects": [{"n": 1, "x": "p"}, {"n": 2}, {"y": 3}],
  "steps": {"4": 20000, "9": 16000}, "hash": "0123456789abcdef", "say": "a \"b\" \\ `c`", "severity": "from evidence"})";

std::string rendered(std::string_view source, std::string_view evidence = kEvidence) {
  json::Parser parser;
  const std::string text(evidence);
  const auto root = parser.parse(text);
  EXPECT_TRUE(root.has_value());
  const auto parsed = Template::parse(source);
  if (!parsed) return "error: " + parsed.error().text;
  const std::array<BuiltIn, 3> built_ins = {
      {{"confidence", 0.7667}, {"severity", std::string_view("HIGH")}, {"run_id", std::string_view("run\n`1`")}}};
  return parsed->render({.values = *root, .built_ins = built_ins});
}

TEST(Template, CopiesTextAndBraces) {
  EXPECT_EQ(rendered(""), "");
  EXPECT_EQ(rendered("plain text, ü"), "plain text, ü");
  EXPECT_EQ(rendered("{{{tool}}} {{x}}"), "{search} {x}");
}

TEST(Template, FindsValuesByPath) {
  EXPECT_EQ(rendered("{tool} { tool } {a.b.c} {list.1} {objects.0.n}"), "search search deep b 1");
  EXPECT_EQ(rendered("{missing} {a.x} {list.9} {list.x} {tool.x} {nil} {empty}"),
            "unknown unknown unknown unknown unknown unknown unknown");
}

TEST(Template, EvidenceWinsOverBuiltIns) {
  EXPECT_EQ(rendered("{severity}"), "from evidence");
  EXPECT_EQ(rendered("{severity}", "{}"), "HIGH");
  EXPECT_EQ(rendered("{confidence|pct} {run_id}"), "76 run '1'");
}

TEST(Template, PutsValuesIntoWords) {
  EXPECT_EQ(rendered("{count} {ratio} {tokens} {yes} {no}"), "5 3.22 12800 yes no");
  EXPECT_EQ(rendered("{list}; {numbers}; {steps}"), "a, b, a; 1, 2.5, 30000; 4: 20000, 9: 16000");
}

TEST(Filters, FormatNumbers) {
  EXPECT_EQ(rendered("{rate|pct} {ratio|round:1} {ratio|round:0} {tokens|number} {ms|seconds}"),
            "29 3.2 3 12,800 20.0 s");
  EXPECT_EQ(rendered("{tool|pct} {tool|round:1} {tool|number} {tool|seconds}"), "unknown unknown unknown unknown");
  EXPECT_EQ(rendered("{numbers|number|join:\" \"}"), "1 2.5 30,000");
}

TEST(Filters, CountInWords) {
  EXPECT_EQ(rendered("{one|plural:\"call\"} {count|plural:\"call\"} {zero|plural:\"call\"}"), "1 call 5 calls 0 calls");
  EXPECT_EQ(rendered("{one|plural:\"is\",\"are\"} {count|plural:\"is\",\"are\"}"), "1 is 5 are");
  EXPECT_EQ(rendered("{missing|plural:\"call\"}"), "an unknown number of calls");
  EXPECT_EQ(rendered("{missing|plural:\"call\"|or:\"calls\"}"), "calls");
  EXPECT_EQ(rendered("{tokens|number|plural:\"token\"}"), "12,800 tokens");
  EXPECT_EQ(rendered("{list|count} {steps|count} {none|count} {tool|count}"), "3 2 unknown unknown");
}

TEST(Filters, WorkOnLists) {
  EXPECT_EQ(rendered("{list|join:\" → \"} {list|unique|join:\"+\"} {list|first:2|join:\"\"}"), "a → b → a a+b ab");
  EXPECT_EQ(rendered("{list|quote|join:\", \"}"), "`a`, `b`, `a`");
  EXPECT_EQ(rendered("{objects|pluck:n|join:\",\"} {objects|pluck:x|join:\",\"} {objects|pluck:q}"), "1,2 p unknown");
  EXPECT_EQ(rendered("{steps|keys|join:\",\"} {tool|keys}"), "4,9 unknown");
  EXPECT_EQ(rendered("{tool|join:\",\"} {list|first:0}"), "search unknown");
}

TEST(Filters, SampleKeepsBothEnds) {
  constexpr std::string_view kTen = R"({"l":[0,1,2,3,4,5,6,7,8,9]})";
  EXPECT_EQ(rendered("{l|sample:4|join:\" \"}", kTen), "0 3 6 9");
  EXPECT_EQ(rendered("{l|sample:1|join:\" \"}", kTen), "0 9");
  EXPECT_EQ(rendered("{l|sample:10|join:\" \"}", kTen), "0 1 2 3 4 5 6 7 8 9");
}

TEST(Filters, HandleMissingValues) {
  EXPECT_EQ(rendered("{missing|or:\"x\"} {nil|or:x} {empty|or:\"\"}{none|or:1} {zero|or:9} {no|or:9}"), "x x 1 0 no");
  EXPECT_EQ(rendered("{missing|quote|or:\"a tool\"} {tool|quote|or:\"a tool\"}"), "a tool `search`");
  EXPECT_EQ(rendered("{missing|pct} {missing|join:\",\"} {missing|count} {missing|first:1} {missing|quote}"),
            "unknown unknown unknown unknown unknown");
}

TEST(Filters, QuoteAndShorten) {
  EXPECT_EQ(rendered("{hash|short} {tool|short} {hash|short|quote}"), "01234567… search `01234567…`");
  EXPECT_EQ(rendered("{say|quote}"), "`a \"b\" \\ 'c'`");
  EXPECT_EQ(rendered("{say|literal}"), "\"a \\\"b\\\" \\\\ 'c'\"");
}

TEST(Filters, TakeQuotedArgumentsWithEscapes) {
  EXPECT_EQ(rendered(R"({missing|or:"a \"b\" \\ \n| } {"})"), "a \"b\" \\ \n| } {");
}

TEST(Sections, FollowTruth) {
  for (const auto* name : {"missing", "nil", "no", "zero", "empty", "none", "nothing"}) {
    EXPECT_EQ(rendered("{?" + std::string(name) + "}yes{:}no{/}"), "no") << name;
    EXPECT_EQ(rendered("{?!" + std::string(name) + "}yes{:}no{/}"), "yes") << name;
  }
  for (const auto* name : {"tool", "count", "yes", "list", "steps", "confidence", "run_id"}) {
    EXPECT_EQ(rendered("{?" + std::string(name) + "}yes{:}no{/}"), "yes") << name;
    EXPECT_EQ(rendered("{?!" + std::string(name) + "}yes{/}"), "") << name;
  }
}

TEST(Sections, Compare) {
  const auto holds = [](const std::string& condition) { return rendered("{?" + condition + "}1{:}0{/}") == "1"; };
  for (const auto* yes :
       {"tool=search",  "tool=\"search\"", "count=5",     "count=5.0",       "yes=true", "no=false",  "nil=null",
        "missing=null", "tool!=db",        "missing!=db", "count<6",         "count<=5", "count>4.5", "count>=5",
        "count > -1",   "count != 4",      "rate<0.5",    "confidence>=0.5", "zero>=0",  "list.0=a"}) {
    EXPECT_TRUE(holds(yes)) << yes;
  }
  for (const auto* no : {"tool=Search", "count=\"5\"", "count=6", "yes=false", "no=null", "tool!=search", "nil!=null",
                         "missing=db", "count<5", "count>5", "tool<5", "missing<5", "missing>=0", "nil<1", "yes=1"}) {
    EXPECT_FALSE(holds(no)) << no;
  }
}

TEST(Sections, JoinConditionsAndNest) {
  EXPECT_EQ(rendered("{?yes && count>3 && !no}in{/}"), "in");
  EXPECT_EQ(rendered("{?yes&&no}in{:}out{/}"), "out");
  EXPECT_EQ(rendered("{?yes}a{?no}b{:}c{?tool}d{/}{/}e{:}f{/}g"), "acdeg");
  EXPECT_EQ(rendered("{?no}a{?yes}b{/}c{/}d"), "d");
}

TEST(Sections, ChooseTheFirstBranchThatHolds) {
  constexpr std::string_view kChoice = "{?x=1}one{:?x=2}two{:?x>2}many{:}none{/}!";
  EXPECT_EQ(rendered(kChoice, R"({"x":1})"), "one!");
  EXPECT_EQ(rendered(kChoice, R"({"x":2})"), "two!");
  EXPECT_EQ(rendered(kChoice, R"({"x":3})"), "many!");
  EXPECT_EQ(rendered(kChoice, "{}"), "none!");
  EXPECT_EQ(rendered("{?x=1}one{:?x=2}two{/}!", "{}"), "!");
}

TEST(Errors, NamePlaceAndExpectation) {
  struct Wrong {
    std::string_view source, place, words;
  };
  for (const auto& [source, place, words] : {
           Wrong{"abc }", "line 1, column 5", "single \"}\""},
           Wrong{"ü {tool", "line 1, column 8", "inside of a placeholder"},
           Wrong{"{}", "line 1, column 2", "expected a name"},
           Wrong{"{tool.}", "line 1, column 7", "expected a name"},
           Wrong{"{to ol}", "line 1, column 5", "expected \"}\""},
           Wrong{"a\n b{tool|shout}", "line 2, column 9", "unknown filter \"shout\"; known are count, first, join"},
           Wrong{"{tool|}", "line 1, column 7", "unknown filter \"\""},
           Wrong{"{tool|join}", "line 1, column 7", "takes 1 arguments, not 0"},
           Wrong{"{tool|plural:a,b,c}", "line 1, column 7", "takes 1 or 2 arguments, not 3"},
           Wrong{"{tool|quote:1}", "line 1, column 7", "takes 0 arguments"},
           Wrong{"{tool|round:x}", "line 1, column 7", "whole number from 0 to 1000"},
           Wrong{"{tool|first:1.5}", "line 1, column 7", "whole number"},
           Wrong{"{tool|first:-1}", "line 1, column 7", "whole number"},
           Wrong{"{tool|first:\"2\"}", "line 1, column 7", "whole number"},
           Wrong{"{tool|or:}", "line 1, column 10", "expected an argument"},
           Wrong{"{tool|or:\"x}", "line 1, column 10", "never closed"},
           Wrong{"{tool|or:\"\\x\"}", "line 1, column 12", "after a backslash"},
           Wrong{"{?tool}x", "line 1, column 1", "never closed"},
           Wrong{"x{/}", "line 1, column 2", "closes nothing"},
           Wrong{"{:}", "line 1, column 1", "outside of a section"},
           Wrong{"{:?a}", "line 1, column 1", "outside of a section"},
           Wrong{"{?a}1{:}2{:}3{/}", "line 1, column 10", "has to be the last one"},
           Wrong{"{?a}1{:}2{:?b}3{/}", "line 1, column 10", "has to be the last one"},
           Wrong{"{?}x{/}", "line 1, column 3", "expected a name"},
           Wrong{"{?a=}x{/}", "line 1, column 5", "expected a value"},
           Wrong{"{?a<b}x{/}", "line 1, column 5", "expected a number"},
           Wrong{"{?a>=\"5\"}x{/}", "line 1, column 6", "expected a number"},
           Wrong{"{?!a=1}x{/}", "line 1, column 5", "does not go with a comparison"},
           Wrong{"{?a && }x{/}", "line 1, column 8", "expected a name"},
           Wrong{"{?a || b}x{/}", "line 1, column 5", "expected \"}\""},
           Wrong{"{?a|quote}x{/}", "line 1, column 4", "expected \"}\""},
       }) {
    const auto parsed = Template::parse(source);
    ASSERT_FALSE(parsed.has_value()) << source;
    EXPECT_EQ(parsed.error().code, Code::invalid_argument);
    EXPECT_THAT(parsed.error().text, HasSubstr(std::string(place) + ": ")) << source;
    EXPECT_THAT(parsed.error().text, HasSubstr(words)) << source;
  }
}

// No prefix, and no single wrong character, may do worse than an error.
TEST(Errors, DamagedSourceNeverCrashes) {
  const std::string source =
      R"(a{{b}} {tool|quote|or:"x\"y"} {?a.b>=1 && !c}{list|first:2|join:", "}{:?d=null}e{:}f{/})";
  std::size_t fine = 0;
  std::size_t rendered_chars = 0;
  for (std::size_t i = 0; i <= source.size(); ++i) {
    fine += Template::parse(source.substr(0, i)).has_value() ? 1 : 0;
    for (const char c : {'{', '}', '?', ':', '/', '|', '"', '\\', '.', '\0', '\xFF', '&', '!', ' '}) {
      auto damaged = source;
      if (i < damaged.size()) damaged[i] = c;
      const auto parsed = Template::parse(damaged);
      if (parsed) rendered_chars += parsed->render({.values = {}}).size();
    }
  }
  EXPECT_GT(fine, 3u);
  EXPECT_GT(rendered_chars, 0u);
}

TEST(Template, CapsValuesAndLists) {
  const std::string evidence = R"({"long":")" + std::string(5000, 'x') + R"(","many":[)" + [] {
    std::string all;
    for (int i = 0; i < 1000; ++i) all += std::string(i > 0 ? "," : "") + "\"tool" + std::to_string(i) + "\"";
    return all;
  }() + "]}";
  EXPECT_EQ(rendered("{long}", evidence), std::string(300, 'x') + "…");
  EXPECT_EQ(rendered("{long|quote}", evidence), "`" + std::string(300, 'x') + "…`");
  for (const auto* source : {"{many}", "{many|quote|join:\", \"}", "{many|join:\" \"}"}) {
    const auto text = rendered(source, evidence);
    EXPECT_LT(text.size(), 350u) << source;
    EXPECT_THAT(text, HasSubstr("more)")) << source;
  }
  EXPECT_EQ(rendered("{many|first:2|join:\", \"}", evidence), "tool0, tool1");
}

TEST(Template, ValuesAreNeverReadAsTemplates) {
  EXPECT_EQ(rendered("{x} {x|quote}", R"({"x":"{tool} {?a}{/} }} {{"})"),
            "{tool} {?a}{/} }} {{ `{tool} {?a}{/} }} {{`");
}

// The examples of docs/templates.md.
TEST(Template, DoesWhatTheDocumentationShows) {
  EXPECT_EQ(
      rendered(
          R"({tool|quote|or:"One tool"} called {count|plural:"time"}{?first_step>=0} from step {first_step} on{/})",
          R"({"tool": "search", "count": 5, "first_step": 3})"),
      "`search` called 5 times from step 3 on");
  constexpr std::string_view kBranches = "{?args_identical}identical{:?success_rate<0.5}failing{:}no idea{/}";
  EXPECT_EQ(rendered(kBranches, R"({"args_identical": true})"), "identical");
  EXPECT_EQ(rendered(kBranches, R"({"success_rate": 0.2})"), "failing");
  EXPECT_EQ(rendered(kBranches, "{}"), "no idea");
}

TEST(Template, ListsItsPaths) {
  const auto parsed = Template::parse("{tool} {a.b|quote} {?c>1 && !tool}{d.0}{:?e}{/}");
  ASSERT_TRUE(parsed.has_value());
  EXPECT_THAT(parsed->paths(), ::testing::ElementsAre("tool", "a.b", "c", "d.0", "e"));
}

}  // namespace
}  // namespace dunetrace::explain
