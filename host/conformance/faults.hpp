// Handlers for what the processor and the kernel catch in a child: touching guarded memory, and forbidden system calls.
// They write the finding on the page and end the process. For one test per process.
#pragma once

#include "conformance/board.hpp"
#include "conformance/guarded.hpp"
#include "core/result.hpp"

namespace dunetrace::conformance {

// From now on a fault ends the process with a finding on `board`. Both live until the process ends.
void watch_memory(Board& board);
// The run the plugin is looking at: a fault in it is told apart from one in an earlier run.
void watch_current(const GuardedMemory* current);

// From now on every system call but those of memory and of the end of the process is a finding. Error: this kernel does
// not let us (Code::unavailable).
[[nodiscard]] Result<> forbid_system_calls(Board& board);

}  // namespace dunetrace::conformance
