// What an ended host left behind in its cluster: a server that still runs, or files that say so and lie. For
// managed_postgres.cpp only. The caller holds the lock of the data directory.
#pragma once

#include "core/result.hpp"
#include "store/managed_postgres_layout.hpp"
#include "telemetry/log.hpp"

namespace dunetrace::store::detail {

// Afterwards no process uses the cluster and no stale lock file is left. Code::conflict when one does not end.
[[nodiscard]] Result<> clear_leftovers(const Layout& layout, telemetry::Logger& log);

}  // namespace dunetrace::store::detail
