// What an ended host left behind in its cluster: a server that still runs, or files that say so and lie. For
// managed_postgres.cpp only. The caller holds the lock of the data directory.
#pragma once

#include <stop_token>

#include "core/result.hpp"
#include "store/managed_postgres_layout.hpp"
#include "telemetry/log.hpp"

namespace dunetrace::store::detail {

// Afterwards no process uses the cluster and no stale lock file is left. Code::conflict when one does not end,
// Code::unavailable when a stop was asked for first.
[[nodiscard]] Result<> clear_leftovers(const Layout& layout, telemetry::Logger& log, const std::stop_token& stop);

// Ends every process of the cluster by SIGKILL, also those that are stopped and react to nothing else. False when one
// is still there after a second. What was committed is kept: the next start recovers it.
[[nodiscard]] bool kill_all(const Layout& layout);

}  // namespace dunetrace::store::detail
