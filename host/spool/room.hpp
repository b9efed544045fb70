// Room on the disk for the spool: what there is, and how the log and a file that has become large give some back.
// Internal to the disk spool, on its commit thread (usable_bytes: on any).
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>

#include "spool/spool_file.hpp"
#include "telemetry/log.hpp"

namespace dunetrace::spool {

inline constexpr std::uint64_t kSmallLog = 512 * 1024;  // bytes: not worth carrying over for want of room

// Free bytes of the file system, less a reserve for others.
[[nodiscard]] std::uint64_t usable_bytes(const std::filesystem::path& directory);

struct Room {
  std::uint64_t log = 0;       // bytes that the file may grow by yet
  std::uint64_t reusable = 0;  // bytes of the file that new rows may have
};
// A disk with little room for the log (`free` bytes) gets it carried over early and cut off, on this thread: whoever
// waits for a commit would be refused otherwise. `wanted`: somebody was.
[[nodiscard]] Room make_room(SpoolFile& writing, std::uint64_t free, bool wanted);

// After an outage the file is as large as the backlog was. For an empty one.
void shrink_if_large(SpoolFile& writing, const std::function<std::uint64_t()>& free_bytes, telemetry::Logger& log);

}  // namespace dunetrace::spool
