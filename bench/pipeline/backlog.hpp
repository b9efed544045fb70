// Runs that wait for being judged, as the ingest writer leaves them; and the bare SELECT of their events.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "load/shapes.hpp"
#include "pipeline/server.hpp"

namespace dunetrace::load {

// `runs` finished runs, real ones under new ids where there are files, else made-up ones of a like shape. No two laps
// share a run; returns the first lap that was not used.
std::uint32_t add_backlog(Connection& to, std::vector<Batch>& batches, std::size_t runs, std::uint32_t first_lap);

// Runs that were judged long ago, of one event each, until the tables hold `runs`.
void fill_up(Connection& to, std::size_t runs);

struct Selected {
  double seconds = 0;
  std::size_t events = 0;
};
// The events of all runs that wait, over `connections` at once, `at_once` runs per statement, in no order.
[[nodiscard]] Selected select_events(const std::string& url, int connections, std::size_t at_once);

}  // namespace dunetrace::load
