// Random damage to valid files: whatever comes out is a configuration or an error with a place, never a crash, and a
// configuration is always complete.
#include <gtest/gtest.h>

#include <random>

#include "config/environment.hpp"
#include "schemas.hpp"

namespace dunetrace::config {
namespace {

constexpr std::string_view kSeed = R"(# comment
default:
  tool_loop: {threshold: 3, window: 5, severity: HIGH}
  context_bloat:
    growth_factor: 2.5
    min_calls: 4
  acme_checks: {mode: exact, names: [a, 'b', "c"], strict: true}
web-*x: {}
web:
  tool_loop: {enabled: false, shadow: true, timeout_ms: 20}
categories:
  web: [one, 'two-*']
plugins:
  directories: [/opt/x]
  detectors: {acme_checks: {live: true}}
)";

std::string mutated(std::mt19937& random) {
  static constexpr std::string_view kPieces[] = {":",     "- ",   "&a ",    "*a", "{", "}", "[",  "]",
                                                 "\n",    "  ",   "!!str ", "\t", "#", "'", "\"", "|\n",
                                                 "---\n", "<<: ", "\xff",   "%",  ",", "? "};
  std::string text(kSeed);
  const auto pick = [&](std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n - 1)(random); };
  for (std::size_t edits = 1 + pick(4); edits > 0; --edits) {
    const auto at = pick(text.size());
    switch (pick(4)) {
      case 0:
        text.erase(at, 1 + pick(8));
        break;
      case 1:
        text.insert(at, kPieces[pick(std::size(kPieces))]);
        break;
      case 2:
        text[at] = static_cast<char>(pick(256));
        break;
      default:
        text.insert(at, text.substr(pick(text.size()), 1 + pick(20)));
    }
    if (text.empty()) text = " ";
  }
  return text;
}

TEST(DetectorsFileMutations, NeverCrashAndAlwaysNameAPlace) {
  std::mt19937 random(20240607);
  int valid = 0;
  for (int i = 0; i < 4000; ++i) {
    const auto text = mutated(random);
    const auto config = testing::resolve(text);
    if (!config) {
      EXPECT_TRUE(config.error().text.starts_with("detectors.yml:")) << config.error().text << "\n" << text;
      continue;
    }
    ++valid;
    for (const auto& profile : config->profiles()) {
      ASSERT_EQ(profile.detectors.size(), 3u);
      for (const auto& settings : profile.detectors) {
        EXPECT_EQ(settings.values.size(), testing::schemas()[settings.component].params.size());
      }
    }
  }
  EXPECT_GT(valid, 50) << "the mutations should leave some files valid";
}

TEST(EnvironmentMutations, NeverCrashAndAlwaysNameALine) {
  constexpr std::string_view kDotenv = "# c\nexport A='x' # y\nB=\"q\\n\"\nC=plain text # c\n\nD=\n";
  std::mt19937 random(7);
  const auto pick = [&](std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n - 1)(random); };
  for (int i = 0; i < 4000; ++i) {
    std::string text(kDotenv);
    for (std::size_t edits = 1 + pick(3); edits > 0; --edits) text[pick(text.size())] = static_cast<char>(pick(256));
    const auto env = Environment::from({}, text, ".env");
    if (env) continue;
    EXPECT_TRUE(env.error().text.starts_with(".env:")) << env.error().text;
  }
}

}  // namespace
}  // namespace dunetrace::config
