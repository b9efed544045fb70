#include "testing/test_log.hpp"

#include <sstream>

namespace dunetrace::testing {

TestLog::TestLog(telemetry::Level least) : logger_(least, (dir_ / "log.ndjson").string()) {}

std::string TestLog::text() {
  logger_.flush();
  return read_file(dir_ / "log.ndjson");
}

std::vector<std::string> TestLog::lines() {
  std::istringstream in(text());
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

}  // namespace dunetrace::testing
