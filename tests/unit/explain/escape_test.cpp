// dunetrace/escape.hpp of the plugin SDK: what destinations do to the texts of an explanation.
#include <gtest/gtest.h>
#include <dunetrace/escape.hpp>

namespace dunetrace {
namespace {

TEST(Escape, FitsTheLanguageOfThePlace) {
  EXPECT_EQ(escape_html("<a href=\"x\">'&'"), "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;");
  EXPECT_EQ(escape_markup("<a href=\"x\">'&'"), "&lt;a href=\"x\"&gt;'&amp;'");
  EXPECT_EQ(escape_markup("<!channel> <@U1|x> &lt;"), "&lt;!channel&gt; &lt;@U1|x&gt; &amp;lt;");
  EXPECT_EQ(escape_html("plain, ü 😀\n"), "plain, ü 😀\n");
  EXPECT_EQ(escape_html(""), "");
}

TEST(Escape, RepairsUtf8) {
  EXPECT_EQ(escape_html("a\xFF<\xC3"), "a\xEF\xBF\xBD&lt;\xEF\xBF\xBD");
  EXPECT_EQ(escape_markup("\xE2\x82"), "\xEF\xBF\xBD\xEF\xBF\xBD");
}

TEST(Escape, CutsBetweenCharactersAndEntities) {
  EXPECT_EQ(escape_markup("abcdef", 6), "abcdef");
  EXPECT_EQ(escape_markup("abcdefg", 6), "abc…");
  EXPECT_EQ(escape_markup("a&bcdefg", 8), "a…") << "the entity does not fit beside the ellipsis";
  EXPECT_EQ(escape_markup("a&bcdefg", 9), "a&amp;…");
  EXPECT_EQ(escape_markup("äöüäöü", 8), "äö…");
  for (std::size_t limit = 0; limit < 40; ++limit) {
    const auto cut = escape_html("<<ä&&😀'\"xyz<<ä&&😀'\"xyz", limit);
    EXPECT_LE(cut.size(), limit);
    EXPECT_EQ(escape_html(cut).find("\xEF\xBF\xBD"), std::string::npos) << "a character was cut";
  }
}

TEST(Escape, NothingClosesACodeBlock) {
  EXPECT_EQ(markup_code_block("x < 1"), "```\nx &lt; 1\n```");
  for (const auto* code : {"```", "a```b", "````", "``", "`", "a`", "``````<!here>"}) {
    const auto block = markup_code_block(code);
    EXPECT_EQ(block.find("```", 3), block.size() - 3) << block;
    EXPECT_EQ(block.find('<'), std::string::npos);
  }
  const auto cut = markup_code_block(std::string(5'000, '<'), 3'000);
  EXPECT_LE(cut.size(), 3'000U);
  EXPECT_TRUE(cut.ends_with("\n```"));
}

}  // namespace
}  // namespace dunetrace
