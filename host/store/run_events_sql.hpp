// The statements that read the events of runs. Internal to store/.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace dunetrace::store {

// Of each run all events, or the first $8 in replay order; with payloads of $7 bytes at most, with as many as come to
// $7 of all runs together, from the first run on, or with the smallest ones of one run that come to $7.
enum class Events : std::uint8_t {
  whole_small,
  first_small,
  whole,
  first,
  whole_smallest,
  first_smallest,
  end  // of each run the last terminal event, and the last event of all, which has the largest step; without $7
};
inline constexpr std::size_t kEvents = 7;

// Parameters: $1 to $4 customers, runs, and their agents and versions; $5 and $6 bounds of received_at in Unix seconds.
// The bounds are the batch's, as plain values, so that the planner never looks at other partitions.
//
// Rows: place of the run from 1 on, id, type, step, timestamp, agent and version where they are not the run's own, the
// payload as text, parent. In the order of the runs. A payload that is left out is null; one of the first four that is
// beyond $7 is an empty text.
[[nodiscard]] const std::string& events_sql(Events which);

}  // namespace dunetrace::store
