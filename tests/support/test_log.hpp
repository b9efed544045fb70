// A Logger whose lines a test can read. Thread-safe.
//   TestLog log; Thing thing(log.logger()); EXPECT_TRUE(log.contains("thing.started"));
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "telemetry/log.hpp"
#include "testing/temp_dir.hpp"

namespace dunetrace::testing {

class TestLog {
 public:
  explicit TestLog(telemetry::Level least = telemetry::Level::debug);
  [[nodiscard]] telemetry::Logger& logger() { return logger_; }
  [[nodiscard]] std::vector<std::string> lines();
  // The whole text so far.
  [[nodiscard]] std::string text();
  [[nodiscard]] bool contains(std::string_view part) { return text().find(part) != std::string::npos; }

 private:
  TempDir dir_;
  telemetry::Logger logger_;
};

}  // namespace dunetrace::testing
