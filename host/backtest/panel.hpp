// The detectors of two configurations side by side, asked about one run. A detector that both have with the same
// parameters is asked once. One Panel per thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "config/detectors_file.hpp"
#include "core/result.hpp"
#include "core/run.hpp"
#include "plugin/detector.hpp"
#include "plugin/registry.hpp"
#include "telemetry/log.hpp"

namespace dunetrace::backtest {

// One configuration and the plugins it was resolved against. Both outlive whoever has it.
struct Side {
  const plugin::Registry& registry;
  const config::DetectorsConfig& config;
};

// A failure type of a detector that at least one side may run.
struct Row {
  std::string detector;
  std::string failure_type;
};

class Rows {
 public:
  Rows(const Side& current, const Side& proposed);
  [[nodiscard]] const std::vector<Row>& all() const { return rows_; }
  // Every pair of a loaded detector and one of its types has a row.
  [[nodiscard]] std::uint32_t find(const std::string& detector, const std::string& failure_type) const;

 private:
  void add(const Side& side);
  std::vector<Row> rows_;
  std::map<std::pair<std::string, std::string>, std::uint32_t> index_;
};

// What one side makes of a run in one row.
enum class Mark : std::uint8_t { quiet, shadow, live };

struct Finding {
  std::uint32_t row = 0;
  Mark now = Mark::quiet;
  Mark would = Mark::quiet;
};

struct Failure {
  std::string detector;
  std::string reason;
  bool now = false;
  bool would = false;
};

struct Opinion {
  std::vector<Finding> findings;  // by row; at least one side fires
  std::vector<Failure> failures;
};

class Panel {
 public:
  Panel(const Side& current, const Side& proposed, const Rows& rows, telemetry::Logger& log);

  [[nodiscard]] Opinion ask(const Run& run);

 private:
  struct Seat {
    const config::DetectorSettings* now;  // nullptr: that side does not run it
    const config::DetectorSettings* would;
    Result<plugin::Detector> detector;
    const config::Profile* profile;
  };
  using Profiles = std::pair<const config::Profile*, const config::Profile*>;
  std::vector<Seat>& seats(const Profiles& profiles);

  const Side current_;
  const Side proposed_;
  const Rows& rows_;
  telemetry::Logger& log_;
  std::map<Profiles, std::vector<Seat>> seats_;
};

// Whether every detector of the side can be created with its parameters.
[[nodiscard]] Result<> check_side(const Side& side, telemetry::Logger& log);

}  // namespace dunetrace::backtest
