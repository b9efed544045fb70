// The seccomp filter of a runner: memory, time, its own end, and one socket.
#pragma once

namespace dunetrace::plugin {

// From here on for every thread of this process. What is not allowed raises SIGSYS. False where the kernel has no
// seccomp or forbids it.
[[nodiscard]] bool install_filter(int channel);

}  // namespace dunetrace::plugin
