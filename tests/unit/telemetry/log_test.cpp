#include "telemetry/log.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "json/reader.hpp"

namespace dunetrace::telemetry {
namespace {

class LogFile : public ::testing::Test {
 protected:
  LogFile() : path_(std::filesystem::temp_directory_path() / ("dune_log_" + std::to_string(::getpid()))) {}
  ~LogFile() override { std::filesystem::remove(path_); }
  std::vector<std::string> lines() const {
    std::ifstream in(path_);
    std::vector<std::string> out;
    for (std::string line; std::getline(in, line);) out.push_back(line);
    return out;
  }
  std::filesystem::path path_;
};

TEST_F(LogFile, OneJsonObjectPerLineWhateverIsInIt) {
  Logger(Level::info, path_).warn("a.b", {{"text", "line\n\"quote\" \xff"}, {"n", 3}, {"ratio", 0.5}, {"ok", true}});
  ASSERT_EQ(lines().size(), 1U);
  json::Parser parser;
  const auto line = parser.parse(lines()[0]);
  ASSERT_TRUE(line);
  EXPECT_EQ((*line)["level"].string(), "warning");
  EXPECT_EQ((*line)["event"].string(), "a.b");
  EXPECT_EQ((*line)["text"].string(), "line\n\"quote\" \xEF\xBF\xBD");
  EXPECT_EQ((*line)["n"].integer(), 3);
  EXPECT_EQ((*line)["ok"].boolean(), true);
}

TEST_F(LogFile, PutsConstantFieldsIntoEveryLine) {
  Logger log(Level::info, path_);
  log.info("before");
  log.always("loud", true);
  log.always("loud", false);  // the first word stands
  log.info("a", {{"n", 1}});
  log.error("b");
  ASSERT_EQ(lines().size(), 3U);
  EXPECT_EQ(lines()[0].find("loud"), std::string::npos);
  json::Parser parser;
  for (const auto i : {1U, 2U}) EXPECT_EQ((*parser.parse(lines()[i]))["loud"].boolean(), true);
}

TEST_F(LogFile, DropsWhatIsBelowTheLevelAndRepeatsAboveTheRate) {
  Logger log(Level::warn, path_);
  log.info("quiet");
  for (int i = 0; i < 500; ++i) log.error("loud");
  EXPECT_GE(lines().size(), 20U);
  EXPECT_LE(lines().size(), 40U) << "at most two seconds' worth";
  for (const auto& line : lines()) EXPECT_EQ(line.find("quiet"), std::string::npos);
}

TEST(Level, ReadsTheUsualNames) {
  EXPECT_EQ(*level_from("info"), Level::info);
  EXPECT_EQ(*level_from("WARNING"), Level::warn);
  EXPECT_FALSE(level_from("loud"));
}

}  // namespace
}  // namespace dunetrace::telemetry
