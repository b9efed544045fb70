#include "explain/text.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace dunetrace::explain {
namespace {

TEST(WholePercent, CutsOffAfterRoundingToFourDecimals) {
  EXPECT_EQ(whole_percent(0.7667), 76);
  EXPECT_EQ(whole_percent(0.29), 29);  // 0.29 * 100 is 28.999…
  EXPECT_EQ(whole_percent(0.57), 57);
  EXPECT_EQ(whole_percent(static_cast<double>(0.7667F)), 76);
  EXPECT_EQ(whole_percent(static_cast<double>(0.95F)), 95);
  EXPECT_EQ(whole_percent(static_cast<double>(0.9F)), 90);
  EXPECT_EQ(whole_percent(0.99994), 99);
  EXPECT_EQ(whole_percent(1), 100);
  EXPECT_EQ(whole_percent(0), 0);
  EXPECT_EQ(whole_percent(std::numeric_limits<double>::quiet_NaN()), 0);
}

TEST(WholePercent, IsExactForEveryStoredPercent) {
  for (int i = 0; i <= 100; ++i) {
    EXPECT_EQ(whole_percent(i / 100.0), i);
    EXPECT_EQ(whole_percent(static_cast<double>(static_cast<float>(i) / 100.0F)), i);
  }
}

TEST(HumanNumber, PrintsAsPeopleWrite) {
  EXPECT_EQ(human_number(3.22), "3.22");
  EXPECT_EQ(human_number(1300.0), "1300");
  EXPECT_EQ(human_number(0.1 + 0.2), "0.3");
  EXPECT_EQ(human_number(-0.0), "0");
  EXPECT_EQ(human_number(-0.00001, 2), "0");
  EXPECT_EQ(human_number(0.00001), "1e-05");
  EXPECT_EQ(human_number(1e300), "1e+300");
  EXPECT_EQ(human_number(123456789.125, 1), "123456789.1");
  EXPECT_EQ(human_number(std::numeric_limits<double>::infinity()), "unknown");
}

TEST(GroupedNumber, SeparatesFromFiveDigitsOn) {
  EXPECT_EQ(grouped_number(1300), "1300");
  EXPECT_EQ(grouped_number(12800), "12,800");
  EXPECT_EQ(grouped_number(-1234567.5), "-1,234,567.5");
  EXPECT_EQ(grouped_number(100000), "100,000");
  EXPECT_EQ(grouped_number(-1300), "-1300");
  EXPECT_EQ(grouped_number(1e20), "1e+20");
}

TEST(SecondsText, ShowsOneDecimal) {
  EXPECT_EQ(seconds_text(20000), "20.0 s");
  EXPECT_EQ(seconds_text(15049), "15.0 s");
  EXPECT_EQ(seconds_text(100), "0.1 s");
  EXPECT_EQ(seconds_text(45), "45 ms");
}

TEST(Clean, DropsWhatIsInvisibleAndBlanksLineBreaks) {
  EXPECT_EQ(clean("a\nb\tc\r", 10), "a b c ");
  EXPECT_EQ(clean(std::string_view("a\0\x1b[31mb\x7f", 9), 20), "a[31mb");
  EXPECT_EQ(clean("x\u202Ey\u200Bz\uFEFF\u2066\u00AD\U000E0041", 10), "xyz");
  EXPECT_EQ(clean("a\u2028b\u0085c\u0081", 10), "a b c");
  EXPECT_EQ(clean("say `x`", 10), "say 'x'");
  EXPECT_EQ(one_line("say `x`\n", 10), "say `x` ");
}

TEST(Clean, CutsCharactersNotBytes) {
  EXPECT_EQ(clean("abcdef", 6), "abcdef");
  EXPECT_EQ(clean("abcdefg", 6), "abcdef…");
  EXPECT_EQ(clean("äöüß", 4), "äöüß");
  EXPECT_EQ(clean("äöüß", 3), "äöü…");
}

TEST(Clean, RepairsInvalidUtf8) {
  EXPECT_EQ(clean("a\xFFz", 10), "a\uFFFDz");
  EXPECT_EQ(clean("a\xC3", 10), "a\uFFFD");
  EXPECT_EQ(clean("\xED\xA0\x80", 10), "\uFFFD\uFFFD\uFFFD");  // a surrogate
  EXPECT_EQ(clean("\xC0\xAF", 10), "\uFFFD\uFFFD");            // overlong
}

TEST(Visible, KeepsLinesAndDropsWhatCannotBeSeen) {
  EXPECT_EQ(visible("a\n\tb `c` \xC3\xBC"), "a\n\tb `c` \xC3\xBC");
  EXPECT_EQ(visible("a\r\nb\rc\xE2\x80\xA8"
                    "d"),
            "a\nb\nc\nd");
  EXPECT_EQ(visible("\x1B[31mred\x1B[0m\x07 \xE2\x80\xAEx\xE2\x80\x8By"), "[31mred[0m xy");
  EXPECT_EQ(visible("\xFF\xC3("), "\xEF\xBF\xBD\xEF\xBF\xBD(");
  EXPECT_EQ(visible(""), "");
}

}  // namespace
}  // namespace dunetrace::explain
