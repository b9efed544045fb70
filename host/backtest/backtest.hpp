// Recorded runs through two configurations: what fires now, what would fire. Reads only. The same runs give the same
// report, however many threads share the work.
//   DUNE_TRY(source, FileSource::open("runs.ndjson.gz", {}));
//   DUNE_TRY(report, backtest(source, {registry, current}, {registry, proposed}, {.threads = 2}, log));
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "backtest/panel.hpp"
#include "backtest/source.hpp"
#include "core/result.hpp"
#include "telemetry/log.hpp"

namespace dunetrace::backtest {

struct Options {
  unsigned threads = 1;
  std::string agent{};                          // only this agent's runs; empty = all
  std::optional<double> last_seconds{};         // only runs that began so long before the newest one
  std::function<void(std::size_t)> progress{};  // runs so far; called now and then, by one thread at a time
};

struct RunName {
  std::string customer_id;  // empty for runs of a file
  std::string run_id;
  std::string agent_id;
};

enum class State : std::uint8_t { absent, off, shadow, live };

// One failure type of one detector.
struct Comparison {
  std::string detector;
  std::string failure_type;
  State now = State::absent;  // for agents without a section of their own
  State would = State::absent;
  std::size_t fires_now = 0;  // runs
  std::size_t fires_would = 0;
  std::size_t alerts_now = 0;  // runs in which it fires and is not in shadow
  std::size_t alerts_would = 0;
  std::vector<RunName> newly;     // would fire and does not now; by customer and id
  std::vector<RunName> silenced;  // the other way round
};

// A detector that could not judge some runs; they count as quiet.
struct Failed {
  std::string detector;
  std::size_t now = 0;
  std::size_t would = 0;
  std::string reason;  // the first one
};

struct Report {
  std::size_t runs = 0;  // judged
  std::size_t events = 0;
  std::size_t days = 0;          // UTC days on which at least one of them began
  std::size_t other_agents = 0;  // left out
  std::size_t older = 0;         // left out
  std::size_t newly = 0;         // of all rows
  std::size_t silenced = 0;
  std::vector<Comparison> rows;
  std::vector<Failed> failed;
  std::vector<Skipped> skipped;  // the first kSkippedKept
  std::size_t skipped_count = 0;
};

constexpr std::size_t kSkippedKept = 100;  // enough to see what is wrong with a file

[[nodiscard]] Result<Report> backtest(Source& source, const Side& current, const Side& proposed, const Options& options,
                                      telemetry::Logger& log);

}  // namespace dunetrace::backtest
