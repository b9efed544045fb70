#include "cases/match.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace dunetrace::cases {
namespace {

constexpr double kHalfOfFourthDecimal = 0.00005 + 1e-12;

std::vector<json::Value> elements(const json::Value& array) {
  std::vector<json::Value> all;
  array.each_element([&](json::Value element) { all.push_back(element); });
  return all;
}

bool equal_numbers(const json::Value& a, const json::Value& b) {
  const auto x = a.number(), y = b.number();
  return x && y && std::abs(*x - *y) <= 1e-9 * std::max(1.0, std::abs(*x));
}

void compare_arrays(const json::Value& expected, const json::Value& found, const std::string& where,
                    std::vector<std::string>& differences) {
  const auto want = elements(expected), have = elements(found);
  if (want.size() != have.size()) {
    differences.push_back(
        fmt::format("{}: expected {} elements, found {}: {}", where, want.size(), have.size(), json::to_text(found)));
    return;
  }
  for (std::size_t i = 0; i < want.size(); ++i) {
    compare_json(want[i], have[i], fmt::format("{}[{}]", where, i), true, differences);
  }
}

void compare_signal(const Expectation& want, const Signal& have, std::vector<std::string>& all) {
  const auto differ = [&](std::string_view what, const auto& expected, const auto& found) {
    all.push_back(fmt::format("{} {}: expected {}, found {}", want.type, what, expected, found));
  };
  if (want.severity && *want.severity != to_text(have.severity)) {
    differ("severity", *want.severity, to_text(have.severity));
  }
  if (want.confidence && std::abs(*want.confidence - have.confidence) > kHalfOfFourthDecimal) {
    differ("confidence", *want.confidence, have.confidence);
  }
  if (want.step && *want.step != have.step_index) differ("step", *want.step, have.step_index);
  if (want.co_signals && *want.co_signals != have.co_signal_count) {
    differ("co_signals", *want.co_signals, have.co_signal_count);
  }
  json::Parser want_parser, have_parser;
  const auto expected = want_parser.parse(want.evidence), found = have_parser.parse(have.evidence);
  if (!expected || !found) {
    all.push_back(want.type + ": evidence is no JSON: " + have.evidence);
    return;
  }
  compare_json(*expected, *found, want.type + ".evidence", false, all);
  for (const auto& name : want.without) {
    if (!(*found)[name].missing()) all.push_back(fmt::format("{}.evidence.{}: must not be there", want.type, name));
  }
}

}  // namespace

void compare_json(const json::Value& expected, const json::Value& found, const std::string& where, bool exact,
                  std::vector<std::string>& differences) {
  if (expected.is_object() && found.is_object()) {
    if (exact && expected.size() != found.size()) {
      differences.push_back(
          fmt::format("{}: expected {}, found {}", where, json::to_text(expected), json::to_text(found)));
      return;
    }
    expected.each_member([&](std::string_view name, json::Value value) {
      compare_json(value, found[name], fmt::format("{}.{}", where, name), true, differences);
    });
  } else if (expected.is_array() && found.is_array()) {
    compare_arrays(expected, found, where, differences);
  } else if (!equal_numbers(expected, found) && (found.missing() || json::to_text(expected) != json::to_text(found))) {
    differences.push_back(fmt::format("{}: expected {}, found {}", where, json::to_text(expected),
                                      found.missing() ? "nothing" : json::to_text(found)));
  }
}

std::vector<std::string> differences(const std::vector<Expectation>& expected, const std::vector<Signal>& found) {
  std::vector<std::string> all;
  for (const auto& want : expected) {
    const auto have = std::ranges::find(found, want.type, &Signal::failure_type);
    if (have == found.end()) {
      all.push_back(want.type + ": expected, not found");
    } else {
      compare_signal(want, *have, all);
    }
  }
  for (const auto& have : found) {
    if (std::ranges::find(expected, have.failure_type, &Expectation::type) == expected.end()) {
      all.push_back(fmt::format("{}: not expected, found with confidence {} and evidence {}", have.failure_type,
                                have.confidence, have.evidence));
    }
  }
  return all;
}

}  // namespace dunetrace::cases
