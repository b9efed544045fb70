// The seccomp filter of a runner: memory, time, its own end, and one socket.
#pragma once

namespace dunetrace::plugin {

// From here on for every thread of this process. What is not allowed raises SIGSYS. False where the kernel has no
// seccomp or forbids it.
// For the time in which libraries are mapped and their constructors run: what the linker needs, and no more. The other
// one comes on top of it, so this allows whatever that does.
[[nodiscard]] bool install_loading_filter(int channel);

[[nodiscard]] bool install_filter(int channel);

}  // namespace dunetrace::plugin
