#include "config/names.hpp"

#include <algorithm>
#include <numeric>

namespace dunetrace::config {

std::size_t edit_distance(std::string_view a, std::string_view b) {
  // Three rows of the usual table; the one before the last is needed for swaps.
  std::vector<std::size_t> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  std::iota(last.begin(), last.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] == b[j - 1] ? 0u : 1u)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    std::swap(before, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

std::string_view nearest(std::string_view name, std::span<const std::string> candidates) {
  std::size_t best = std::max<std::size_t>(1, name.size() / 3) + 1;
  std::string_view found;
  for (const auto& candidate : candidates) {
    // The table is quadratic; names differing that much in length are not near anyway.
    const auto gap = candidate.size() > name.size() ? candidate.size() - name.size() : name.size() - candidate.size();
    if (gap >= best) continue;
    const auto distance = edit_distance(name, candidate);
    if (distance < best) {
      best = distance;
      found = candidate;
    }
  }
  return found;
}

std::string did_you_mean(std::string_view name, std::span<const std::string> candidates) {
  if (name.size() > 64) return {};
  const auto near = nearest(name, candidates);
  return near.empty() ? std::string{} : " (did you mean '" + std::string(near) + "'?)";
}

std::string joined(std::span<const std::string> names) {
  std::string text;
  for (const auto& name : names) {
    if (!text.empty()) text += ", ";
    text += name;
  }
  return text;
}

std::string shown(std::string_view text) {
  constexpr std::size_t kLongest = 64;
  std::string out(text.substr(0, kLongest));
  if (text.size() > kLongest) {
    while (!out.empty() && (static_cast<unsigned char>(out.back()) & 0xC0) == 0x80) out.pop_back();
    if (!out.empty() && (static_cast<unsigned char>(out.back()) & 0x80) != 0) out.pop_back();
    out += "…";
  }
  std::ranges::replace_if(
      out, [](char c) { return (static_cast<unsigned char>(c) < 0x20) || c == 0x7F; }, '?');
  return out;
}

tl::unexpected<Error> Problems::as_error() const {
  std::string text;
  for (std::size_t i = 0; i < std::min(lines_.size(), kMost); ++i) {
    if (i > 0) text += '\n';
    text += lines_[i];
  }
  if (lines_.size() > kMost) text += "\nand more; the first " + std::to_string(kMost) + " are shown";
  return fail(Code::invalid_argument, std::move(text));
}

}  // namespace dunetrace::config
