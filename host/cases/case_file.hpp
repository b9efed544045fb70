// A file of cases: what a run looks like, with which parameters it is judged, and what must be found. The format
// is described in docs/writing-a-plugin.md. Plain values; yaml-cpp stays behind this header.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/result.hpp"
#include "core/run.hpp"

namespace dunetrace::cases {

// One event as it will be stored.
struct EventSpec {
  std::string type;
  std::int32_t step_index = 0;
  double timestamp = 0;
  std::string payload;  // JSON object
};

struct Expectation {
  std::string type;
  std::optional<std::string> severity;
  std::optional<double> confidence;
  std::optional<std::int32_t> step;
  std::optional<std::int32_t> co_signals;
  std::string evidence;              // JSON object: every member of it must be there with this value
  std::vector<std::string> without;  // members that must not be there
  std::map<std::string, std::vector<std::string>> text;  // explanation field → fragments it must contain
};

struct Case {
  std::string name;
  int line = 0;
  std::string config;  // text of a detectors.yml
  Baselines baselines;
  std::vector<EventSpec> events;
  std::vector<Expectation> expect;
  std::optional<std::string> refused;  // the parameters must be refused with a text that contains this
};

struct CaseFile {
  std::string detector;  // component id, or "all"
  std::vector<Case> cases;
};

[[nodiscard]] Result<CaseFile> load_cases(const std::string& path);

}  // namespace dunetrace::cases
