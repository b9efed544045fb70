// What takes a runner's rights away, in the order in which it can do without them. Only for the runner process itself.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/fd.hpp"
#include "core/result.hpp"
#include "plugin/isolation/region.hpp"

namespace dunetrace::plugin {

// Before anything is loaded: dies with its parent, cannot gain rights, limits, a network of its own. `parent`: who
// started it. Error: the parent is gone. `missing` takes what the kernel does not allow.
[[nodiscard]] Result<> enter_sandbox(pid_t parent, std::size_t address_space_bytes, std::string& missing);

// Before the first library is mapped, whose constructors are strangers already: not root any more, no processes,
// threads, sockets or signals to others, nothing that changes a file, and (with Landlock) no files but `files` and the
// system's libraries. What is tried all the same ends the process, and `recorder` says which system call it was. Gives
// descriptors of those of the files that have to be mapped through them: without Landlock nothing but their
// permissions is between a constructor and what root may read, so root's rights end before.
[[nodiscard]] std::map<std::string, Fd> confine(pid_t parent, int channel, const std::vector<std::string>& files,
                                                FlightRecorder& recorder, std::string& missing);

// After everything is loaded: no files, no processes, no sockets but `channel`.
void close_sandbox(int channel, std::string& missing);

// "socket"; "system call 123" for one nobody expects.
[[nodiscard]] std::string system_call_name(std::uint32_t number);

// Address space limits and filters do not go with what sanitizers do.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

}  // namespace dunetrace::plugin
