// Finds the PostgreSQL server programs of this machine. For managed_postgres* only.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/result.hpp"

namespace dunetrace::store::detail {

struct Binaries {
  std::filesystem::path directory;  // holds initdb and postgres
  std::string major;                // "15", as in PG_VERSION
};

// The programs for a cluster of `wanted` (empty = any, the newest). `given` is the only place looked at when not empty.
// Code::not_found when there are none (names the package), Code::conflict when there are only other versions.
[[nodiscard]] Result<Binaries> find_binaries(const std::filesystem::path& given,
                                             const std::optional<std::string>& wanted);

}  // namespace dunetrace::store::detail
