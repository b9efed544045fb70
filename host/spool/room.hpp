// Room on the disk for the spool: what there is, and how the log and a file that has become large give some back.
// Internal to the disk spool, on its commit thread (usable_bytes: on any).
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>

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

// How many acknowledged rows go in one transaction. To remove a row writes a page or more into the log. A transaction
// that fails for want of room leaves the log as long as it got, which takes the room that the file needs to take it in;
// so where there is little, a few rows go at a time.
class RemovalSize {
 public:
  // Where the removal of all rows before `end`, of so many bytes, has to stop; nothing when it may be done at once.
  [[nodiscard]] Result<std::optional<std::uint64_t>> stop(SpoolFile& writing, std::uint64_t end, std::uint64_t bytes,
                                                          std::uint64_t free) const;
  void tried(bool done);

 private:
  static constexpr std::size_t kFew = 16;       // rows that always may go
  static constexpr std::size_t kMany = 65'536;  // that may go at most where room is scarce

  std::size_t rows_ = kMany;  // fewer after one that failed
};

// After an outage the file is as large as the backlog was. For an empty one.
void shrink_if_large(SpoolFile& writing, const std::function<std::uint64_t()>& free_bytes, telemetry::Logger& log);

}  // namespace dunetrace::spool
