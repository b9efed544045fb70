// The statement that claims runs from one of the four queues over `runs`. Internal to store/, and for the test that
// shows which indexes it uses.
#pragma once

#include <array>
#include <cstdint>
#include <string>

namespace dunetrace::store {

// Runs with more events are long: of those a claim holds one, which is judged after the others. Stands in the indexes
// of migrations/0008_fair_queue.sql as well. Some ten milliseconds of loading and judging.
inline constexpr std::int64_t kLongRun = 2'000;

// Each is an index of its own (migrations/0008_fair_queue.sql).
enum class Queue : std::uint8_t { finished_short, finished_long, stalled_short, stalled_long };
inline constexpr std::size_t kQueues = 4;

// Parameters: $1 runs at most, $2 lease in ms, $3 claim, $4 events at most (one run is always taken), $5 the customer
// after which turns begin, $6 customers looked at on either side of it, and of stalled queues $7 the timeout in ms.
//
// Customers are walked in the order of their ids, a loose scan: one step in the index per customer, however many runs
// wait for each. Then they take turns, each with its oldest runs first. Rows: the claimed runs in fair order; at least
// one row, without a run when there was nothing to claim, whose last two columns say how far the walk came and whether
// there may be more to claim.
[[nodiscard]] const std::string& claim_sql(Queue queue);

}  // namespace dunetrace::store
