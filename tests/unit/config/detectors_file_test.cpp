// Every error of detectors.yml: its place, what is wrong, what was expected.
#include "config/detectors_file.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include "schemas.hpp"

namespace dunetrace::config {
namespace {

using testing::error_of;

TEST(DetectorsFile, NamesAnUnknownKeyAndTheNearestOne) {
  EXPECT_EQ(error_of("default:\n  tool_loop:\n    treshold: 3\n"),
            "detectors.yml:3:5: unknown key 'treshold' in tool_loop (did you mean 'threshold'?); expected one of "
            "threshold, window");
  EXPECT_EQ(error_of("default:\n  tool_loop: {enabeld: false}\n"),
            "detectors.yml:2:15: unknown key 'enabeld' in tool_loop (did you mean 'enabled'?); expected one of "
            "threshold, window");
  EXPECT_EQ(error_of("default:\n  tool_loop: {zzz: 1}\n"),
            "detectors.yml:2:15: unknown key 'zzz' in tool_loop; expected one of threshold, window");
}

TEST(DetectorsFile, NamesAnUnknownDetector) {
  EXPECT_EQ(error_of("web:\n  tool_lop: {}\n"),
            "detectors.yml:2:3: unknown detector 'tool_lop' in web (did you mean 'tool_loop'?); expected one of "
            "tool_loop, context_bloat, acme_checks");
  // Known, but no detector.
  EXPECT_EQ(
      error_of("web:\n  pager: {}\n"),
      "detectors.yml:2:3: unknown detector 'pager' in web; expected one of tool_loop, context_bloat, acme_checks");
}

TEST(DetectorsFile, NamesAWrongValue) {
  EXPECT_EQ(error_of("default:\n  tool_loop:\n    threshold: 3.0\n"),
            "detectors.yml:3:16: tool_loop.threshold: expected a whole number from 1 to 1000, got '3.0'");
  EXPECT_EQ(error_of("default:\n  context_bloat: {growth_factor: .nan}\n"),
            "detectors.yml:2:34: context_bloat.growth_factor: expected a number above 0, got '.nan'");
  EXPECT_EQ(error_of("default:\n  tool_loop: {severity: high}\n"),
            "detectors.yml:2:25: tool_loop.severity: expected one of LOW, MEDIUM, HIGH, CRITICAL, got 'high'");
  EXPECT_EQ(error_of("default:\n  tool_loop: {timeout_ms: 0}\n"),
            "detectors.yml:2:27: tool_loop.timeout_ms: expected a whole number from 1 to 60000 ms, got '0'");
  EXPECT_EQ(error_of("default:\n  tool_loop: {shadow: yes}\n"),
            "detectors.yml:2:23: tool_loop.shadow: expected true or false, got 'yes'");
}

TEST(DetectorsFile, AValueThatIsMissingIsAnError) {
  EXPECT_NE(error_of("default:\n  tool_loop:\n    threshold:\n")
                .find("tool_loop.threshold: expected a whole number from 1 to "
                      "1000, got nothing"),
            std::string::npos);
}

TEST(DetectorsFile, DoesNotRepeatASecret) {
  auto schema = testing::loop_schema();
  schema.params[0].secret = true;
  const auto file = DetectorsFile::parse("default: {tool_loop: {threshold: hunter2}}", "detectors.yml").value();
  const auto config = file.resolve(std::vector{schema}, {});
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().text, "detectors.yml:1:34: tool_loop.threshold: not a valid value");
}

TEST(DetectorsFile, RunsThePluginsOwnCheckOnTheResolvedValues) {
  EXPECT_EQ(error_of("default:\n  tool_loop: {threshold: 9}\n"),
            "detectors.yml:2:3: tool_loop: threshold must not be larger than window");
  // 4 ≤ 5 by default, but the agent's own section makes it wrong: that section is named.
  EXPECT_EQ(error_of("default:\n  tool_loop: {threshold: 4}\nweb:\n  tool_loop: {window: 3}\n"),
            "detectors.yml:4:3: tool_loop: threshold must not be larger than window");
  EXPECT_EQ(error_of("default:\n  tool_loop: {threshold: 9, enabled: false}\n"), "no error");
}

TEST(DetectorsFile, ARequiredParameterMustBeGiven) {
  auto schema = testing::loop_schema();
  schema.params[0].def.reset();
  schema.params[0].required = true;
  const auto error = [&](std::string_view text) {
    const auto config = DetectorsFile::parse(text, "detectors.yml").value().resolve(std::vector{schema}, {});
    return config ? "no error" : config.error().text;
  };
  EXPECT_EQ(error("default:\n  tool_loop: {}\n"),
            "detectors.yml:2:3: tool_loop: parameter 'threshold' has no default and is required");
  EXPECT_EQ(error("default:\n  tool_loop: {threshold: 2}\n"), "no error");
}

TEST(DetectorsFile, ReportsAllProblemsOneLineEach) {
  EXPECT_EQ(error_of("default:\n  tool_loop: {threshold: x, window: y}\n  nope: {}\n"),
            "detectors.yml:2:26: tool_loop.threshold: expected a whole number from 1 to 1000, got 'x'\n"
            "detectors.yml:2:37: tool_loop.window: expected a whole number from 1 to 1000, got 'y'\n"
            "detectors.yml:3:3: unknown detector 'nope' in default; expected one of tool_loop, context_bloat, "
            "acme_checks");
  EXPECT_EQ(error_of("default:\n  nope: {}\nweb:\n  nope: {}\n"),
            "detectors.yml:2:3: unknown detector 'nope' in default; expected one of tool_loop, context_bloat, "
            "acme_checks\n"
            "detectors.yml:4:3: unknown detector 'nope' in web")
      << "what there is, once";
}

TEST(DetectorsFile, RefusesOtherShapes) {
  EXPECT_EQ(error_of("- a\n"),
            "detectors.yml:1:1: expected sections (default, categories, plugins, agent ids), got a list");
  EXPECT_EQ(error_of("default: 3\n"), "detectors.yml:1:10: expected a mapping of detectors in default, got '3'");
  EXPECT_EQ(error_of("default:\n  tool_loop: 3\n"),
            "detectors.yml:2:14: expected a mapping of parameters in tool_loop, got '3'");
  EXPECT_EQ(error_of("categories: [a]\n"),
            "detectors.yml:1:13: expected a mapping of section names to lists of agent ids in categories, got a list");
  EXPECT_EQ(error_of("plugins: x\n"), "detectors.yml:1:10: expected a mapping in plugins, got 'x'");
}

TEST(DetectorsFile, AMisspeltReservedSectionIsNoAgent) {
  EXPECT_EQ(
      error_of("defualt:\n  tool_loop: {}\n"),
      "detectors.yml:1:1: unknown section 'defualt' (did you mean 'default'?); quote the name if it is an agent id");
  EXPECT_EQ(error_of("'defualt':\n  tool_loop: {}\n"), "no error");
  EXPECT_EQ(error_of("alerts:\n  pager: {}\n").substr(0, 79),
            "detectors.yml:1:1: section 'alerts' has nothing to configure in this version; e");
}

TEST(DetectorsFile, ChecksCategories) {
  EXPECT_EQ(error_of("categories:\n  web: [a]\nwep:\n  tool_loop: {}\n"),
            "detectors.yml:2:3: category 'web' has no section (did you mean 'wep'?); expected one of that name in this "
            "file");
  EXPECT_EQ(error_of("web: {}\nweb2: {}\ncategories:\n  web: [a]\n  web2: [b, a]\n"),
            "detectors.yml:5:13: 'a' is already in category 'web'; expected an agent in one category");
  EXPECT_EQ(error_of("web: {}\ncategories:\n  web: [a*b]\n"),
            "detectors.yml:3:9: expected '*' only at the end of an agent id, got 'a*b'");
  EXPECT_EQ(error_of("web: {}\ncategories:\n  web: a\n"),
            "detectors.yml:3:8: expected a list of agent ids in category 'web', got 'a'");
}

TEST(DetectorsFile, ReadsPluginDirectories) {
  const auto file = DetectorsFile::parse("plugins: {directories: [/opt/a/../b, '/c']}\n", "detectors.yml").value();
  EXPECT_EQ(file.plugin_directories(), (std::vector<std::filesystem::path>{"/opt/b", "/c"}));
  EXPECT_EQ(error_of("plugins:\n  directories: [plugins]\n"),
            "detectors.yml:2:17: expected an absolute path, got 'plugins'");
  EXPECT_EQ(error_of("plugins:\n  directorys: []\n"),
            "detectors.yml:2:3: unknown key 'directorys' in plugins (did you mean 'directories'?); expected one of "
            "directories, detectors");
  EXPECT_EQ(error_of("plugins:\n  detectors:\n    tool_loop: {alive: true}\n"),
            "detectors.yml:3:17: unknown key 'alive' in plugins.detectors.tool_loop (did you mean 'live'?); expected "
            "one of enabled, live");
}

TEST(DetectorsFile, ChecksTheTypesToKeepInShadow) {
  EXPECT_EQ(
      error_of("", {"TOOL_LOPP"}),
      "SHADOW_DETECTORS: unknown failure type 'TOOL_LOPP' (did you mean 'TOOL_LOOP'?); expected some of ACME_SLOW, "
      "ACME_ODD, CONTEXT_BLOAT, TOOL_LOOP");
}

TEST(DetectorsFile, LoadNamesThePath) {
  const auto path = std::filesystem::path(::testing::TempDir()) / "dune_detectors_test.yml";
  std::filesystem::remove(path);
  EXPECT_EQ(DetectorsFile::load(path).error().text,
            path.string() + ": no such file; expected the detector configuration (DETECTOR_CONFIG)");
  std::ofstream(path) << "default: [\n";
  EXPECT_EQ(DetectorsFile::load(path).error().text.substr(0, path.string().size() + 2), path.string() + ":2");
  std::ofstream(path) << std::string(300'000, '#');
  EXPECT_EQ(DetectorsFile::load(path).error().text.substr(0, path.string().size() + 2), path.string() + ":1");
  std::filesystem::remove(path);
}

TEST(DetectorsFile, WarnsAboutDeprecatedParameters) {
  auto schema = testing::loop_schema();
  schema.params[1].deprecated = true;
  schema.params[1].doc = "use span";
  const auto file = DetectorsFile::parse("default: {tool_loop: {window: 6}}", "detectors.yml").value();
  const auto config = file.resolve(std::vector{schema}, {}).value();
  EXPECT_EQ(config.warnings(),
            std::vector<std::string>{"detectors.yml:1:23: tool_loop.window is deprecated: use span"});
}

}  // namespace
}  // namespace dunetrace::config
