// The detectors.yml that is installed, and where an installation's files are found.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "config/detectors_file.hpp"
#include "config/paths.hpp"

namespace dunetrace::config {
namespace {

struct Row {
  std::string detector;
  std::vector<std::pair<std::string, std::string>> values;
};

// The table of the specification, in judging order.
const std::vector<Row> kTable{
    {"tool_loop", {{"threshold", "3"}, {"window", "5"}}},
    {"tool_thrashing", {{"window", "6"}}},
    {"tool_avoidance", {{"min_llm_calls", "2"}}},
    {"goal_abandonment", {{"stall_steps", "4"}}},
    {"rag_empty_retrieval", {{"min_score", "0.3"}, {"min_results", "1"}}},
    {"llm_truncation_loop", {{"threshold", "2"}}},
    {"context_bloat",
     {{"growth_factor", "3.0"}, {"min_calls", "3"}, {"min_last_tokens", "2000"}, {"inflation_factor", "2.0"}}},
    {"slow_step", {{"inflation_factor", "2.0"}, {"tool_ms", "15000"}, {"llm_ms", "30000"}, {"step_ms", "60000"}}},
    {"retry_storm", {{"threshold", "3"}}},
    {"empty_llm_response", {}},
    {"step_count_inflation", {{"inflation_factor", "2.0"}}},
    {"cascading_tool_failure", {{"threshold", "3"}}},
    {"first_step_failure", {{"max_step", "2"}}},
    {"reasoning_stall", {{"ratio_threshold", "4.0"}, {"min_llm_calls", "5"}, {"inflation_factor", "2.0"}}},
    {"prompt_injection_signal", {}},
};

std::string shipped_text() {
  std::ifstream file(std::string(DUNE_SOURCE_DIR) + "/detectors.yml", std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

TEST(ShippedDetectorsFile, ListsEveryDetectorWithItsDefaults) {
  const auto tree = read_yaml(shipped_text(), "detectors.yml").value();
  ASSERT_EQ(tree.entries.size(), 1u);
  const auto* section = tree.find("default");
  ASSERT_NE(section, nullptr);
  ASSERT_EQ(section->entries.size(), kTable.size());
  for (std::size_t i = 0; i < kTable.size(); ++i) {
    const auto& entry = section->entries[i];
    EXPECT_EQ(entry.key.text, kTable[i].detector);
    ASSERT_EQ(entry.value.entries.size(), kTable[i].values.size()) << entry.key.text;
    for (std::size_t j = 0; j < kTable[i].values.size(); ++j) {
      EXPECT_EQ(entry.value.entries[j].key.text, kTable[i].values[j].first);
      EXPECT_EQ(entry.value.entries[j].value.text, kTable[i].values[j].second) << entry.value.entries[j].key.text;
    }
  }
}

// The commented examples are what people copy: with their "# " removed they must be a valid file too.
TEST(ShippedDetectorsFile, ItsExamplesAreValid) {
  std::istringstream lines(shipped_text());
  std::string examples;
  bool after_default = false;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("default:")) after_default = true;
    if (!after_default || !line.starts_with("# ")) continue;
    const auto text = line.substr(2);
    const bool is_yaml = text.starts_with(' ') || (text.find(": ") != std::string::npos || text.ends_with(':'));
    const bool is_prose = text.find(" says only ") != std::string::npos;
    if (is_yaml && !is_prose) examples += text + "\n";
  }
  const auto file = DetectorsFile::parse(examples, "examples");
  ASSERT_TRUE(file) << file.error().text << "\n" << examples;
  EXPECT_EQ(file->plugin_directories().size(), 1u);
  EXPECT_NE(examples.find("web-research:"), std::string::npos);
  EXPECT_NE(examples.find("batch-jobs: [nightly-report, import-*]"), std::string::npos);
}

TEST(Paths, TheBuildTreeHasTheShapeOfAnInstallation) {
  const auto paths = find_paths().value();
  EXPECT_TRUE(std::filesystem::exists(paths.migrations / "0001_core.sql"));
  EXPECT_TRUE(std::filesystem::is_regular_file(paths.detectors_file));
  EXPECT_EQ(paths.plugins, std::filesystem::path(DUNE_BINARY_DIR) / "lib/dunetrace/plugins");
}

TEST(Paths, NamesWhatIsMissing) {
  const auto paths = find_paths("/nowhere/bin/dunetrace");
  ASSERT_FALSE(paths);
  EXPECT_EQ(paths.error().text,
            "/nowhere/share/dunetrace/migrations: no such directory; the installation beside /nowhere/bin/dunetrace is "
            "incomplete");
}

}  // namespace
}  // namespace dunetrace::config
