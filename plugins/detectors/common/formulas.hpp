// Formulas that several detectors share, so that equal words in their documentation mean equal numbers. Pure.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>

namespace detectors {

// Confidence from `ratio` = observed / threshold: 0.5 at the threshold, 0.9 at twice of it, 1 from 2.25 on. A ratio
// of 0.5 gives 0.3, and what is far below the threshold 0. Not rounded; whoever stores it rounds.
inline double scale(double ratio) { return std::clamp(0.5 + (ratio - 1.0) * 0.4, 0.0, 1.0); }

inline double ratio_of(std::int64_t observed, std::int64_t threshold) {
  return static_cast<double>(observed) / static_cast<double>(threshold);
}

// To a number of decimals; always finite for what is not NaN. A number that large has no decimals, and multiplied it
// could overflow (a baseline comes from numbers that strangers sent).
inline double rounded(double value, double scale) {
  constexpr double kNoDecimals = 1e15, kMost = std::numeric_limits<double>::max();
  if (std::abs(value) >= kNoDecimals) return std::clamp(value, -kMost, kMost);
  return std::round(value * scale) / scale;
}
inline double round1(double value) { return rounded(value, 10.0); }
inline double round2(double value) { return rounded(value, 100.0); }

// Towards zero; what does not fit becomes the nearest that does (a baseline comes from numbers that strangers sent).
inline std::int64_t integer_part(double value) {
  constexpr double kLimit = 9.2e18;
  if (std::isnan(value)) return 0;
  return static_cast<std::int64_t>(std::clamp(value, -kLimit, kLimit));
}

// Token counts are whatever a client sent: their sum must not overflow.
inline std::int64_t add_saturating(std::int64_t a, std::int64_t b) {
  std::int64_t sum = 0;
  if (!__builtin_add_overflow(a, b, &sum)) return sum;
  return b > 0 ? std::numeric_limits<std::int64_t>::max() : std::numeric_limits<std::int64_t>::min();
}

// Counts distinct texts up to "more than two", which is all that the rules ask, without a set.
class DistinctTexts {
 public:
  void add(std::string_view text) {
    if (count_ == 0 || (text != first_ && count_ == 1)) {
      (count_ == 0 ? first_ : second_) = text;
      ++count_;
    } else if (count_ == 2 && text != first_ && text != second_) {
      ++count_;
    }
  }
  std::size_t count() const { return count_; }  // 3 = three or more

 private:
  std::string_view first_, second_;
  std::size_t count_ = 0;
};

}  // namespace detectors
