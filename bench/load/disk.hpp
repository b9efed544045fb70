// What the disk allows: no durable answer comes sooner than its bytes get there. One thread.
#pragma once

#include <filesystem>
#include <vector>

#include "core/result.hpp"

namespace dunetrace::load {

// Milliseconds until 4 KB are on the disk (fdatasync).
struct DiskTimes {
  std::vector<double> append;     // at the end of a file, which becomes longer
  std::vector<double> overwrite;  // over blocks that are there already
};

// One of each by turns for `seconds`, at most `per_s` times a second (0: as often as it goes), in files under
// `directory` that are gone afterwards.
[[nodiscard]] Result<DiskTimes> write_durably(const std::filesystem::path& directory, double seconds, double per_s);

}  // namespace dunetrace::load
