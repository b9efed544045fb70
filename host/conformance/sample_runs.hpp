// The runs that tests let detectors look at: examples of what agents do, hostile ones that no agent would make, and
// those the user gave.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cases/case_file.hpp"
#include "config/parameters.hpp"
#include "core/result.hpp"
#include "core/run.hpp"

namespace dunetrace::conformance {

struct Sample {
  std::string name;
  Run run;
  std::optional<std::vector<config::ParamValue>> values;  // where the run is about certain parameters
};

// Some twenty small runs in which most of what detectors look for occurs.
[[nodiscard]] std::vector<Sample> example_runs();
// One run of about `events` events: model and tool calls in turns.
[[nodiscard]] Sample ordinary_run(std::size_t events);

// Empty, absent texts, extreme numbers, NUL and strange characters in texts, unknown kinds, long texts.
[[nodiscard]] std::vector<Sample> hostile_runs();
// `count` elements in every array: all alike, or all different.
[[nodiscard]] std::vector<Sample> bulk_runs(std::size_t count);

// What --run and --cases name.
class GivenRuns {
 public:
  [[nodiscard]] static Result<GivenRuns> read(std::span<const std::string> runs, std::span<const std::string> cases);
  // Those that are about this component; a case's parameters are read against its schema.
  [[nodiscard]] Result<> append_to(std::vector<Sample>& samples, const config::ComponentSchema& schema) const;

 private:
  struct Named {
    std::string name;
    RunEvents events;
  };
  std::vector<Named> runs_;
  std::vector<cases::CaseFile> cases_;
};

}  // namespace dunetrace::conformance
