// Small text tools of explanations: cleaning untrusted values, numbers as people write them.
// Pure functions, any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace dunetrace::explain {

// A value of a stranger on one line: control, direction and zero-width characters are dropped, line breaks and tabs
// become blanks, a backtick becomes ' (it would end a quotation), invalid UTF-8 becomes U+FFFD. Longer than `max_chars`
// characters, it ends in an ellipsis.
void append_clean(std::string& out, std::string_view value, std::size_t max_chars);
[[nodiscard]] std::string clean(std::string_view value, std::size_t max_chars);

// The same for a line that is ours but may hold such values: backticks stay.
[[nodiscard]] std::string one_line(std::string_view text, std::size_t max_chars);

// The same for several lines: line breaks and tabs stay as well.
[[nodiscard]] std::string visible(std::string_view text);

// 3.22, 1300, 0.7667: at most `decimals` decimals, no trailing zeros. Very small and very large ones as 1.5e-7.
[[nodiscard]] std::string human_number(double value, int decimals = 4);
// With separators from five digits on: 1300, 12,800.
[[nodiscard]] std::string grouped_number(double value);
// Milliseconds as seconds with one decimal: 20000 → "20.0 s"; below 100 ms as "45 ms".
[[nodiscard]] std::string seconds_text(double milliseconds);
// Whole percent of a fraction, cut off, after rounding to four decimals: 0.7667 → 76, 0.29 → 29.
[[nodiscard]] std::int64_t whole_percent(double fraction);

}  // namespace dunetrace::explain
