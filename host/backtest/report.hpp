// A report for people and for programs. Pure: the same report gives the same bytes.
#pragma once

#include <string>

#include "backtest/backtest.hpp"

namespace dunetrace::backtest {

// Where things came from, for the head of the report.
struct Sources {
  std::string current;   // detectors.yml in force
  std::string proposed;  // the file or plugin that is tried
  std::string runs;      // file, or "database, last 7d"
};

// A table; of the runs per row only the first ones, of what was skipped too.
[[nodiscard]] std::string to_text(const Report& report, const Sources& sources);

// Everything, as one JSON object with a line break at its end.
[[nodiscard]] std::string to_json(const Report& report, const Sources& sources);

[[nodiscard]] std::string_view to_text(State state);

}  // namespace dunetrace::backtest
