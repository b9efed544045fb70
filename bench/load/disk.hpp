// What the disk allows: no durable answer can come sooner than its bytes get there. One thread.
#pragma once

#include <filesystem>
#include <vector>

#include "core/result.hpp"

namespace dunetrace::load {

// Appends 4 KB and waits for the disk (fdatasync), again and again for `seconds`, at most `per_s` times a second
// (0: as often as it goes), in a file of its own under `directory`. The times of each, in milliseconds.
[[nodiscard]] Result<std::vector<double>> append_durably(const std::filesystem::path& directory, double seconds,
                                                         double per_s);

}  // namespace dunetrace::load
