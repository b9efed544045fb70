// The runner process: maps what the host prepared, loads the libraries it is told, gives its rights away and answers
// until the host closes the socket. Started by Process, never by people.
#pragma once

#include <span>

namespace dunetrace::plugin {

// Exit codes that the host understands; a plugin that ends the process gives others.
constexpr int kAddressTaken = 71;  // the run region's place is not free here: start again
constexpr int kNoHost = 72;

// `arguments`: parent's pid, address and size of the run region, size of the answer region, limit of address space,
// whether to enter the sandbox. Returns the exit code.
int run_child(std::span<char* const> arguments);

// Descriptors of a runner, given by the host.
constexpr int kChannelFd = 3;
constexpr int kRunRegionFd = 4;
constexpr int kAnswerRegionFd = 5;

}  // namespace dunetrace::plugin
