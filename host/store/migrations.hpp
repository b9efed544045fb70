// The schema: numbered SQL files (0001_name.sql, …), forward only. Each runs in its own transaction under one advisory
// lock and is recorded with its SHA-256 in `schema_migrations`. A recorded file that changed, a gap in the numbers, a
// database that is ahead of the files and one that is not in UTF8 are refused with one line that names the file, the
// version or the encoding.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/result.hpp"
#include "store/database.hpp"

namespace dunetrace::store {

// Applies what is missing; gives the names of the files it applied. Any number of processes may call it at once. A
// login the server refuses is Code::denied, a database it does not have Code::not_found: waiting mends neither.
[[nodiscard]] Result<std::vector<std::string>> migrate(Database& db, const std::filesystem::path& directory);

}  // namespace dunetrace::store
