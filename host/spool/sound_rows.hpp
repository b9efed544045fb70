// Reads the batches of a spool file that may be damaged. Internal to spool/; one thread at a time.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "core/result.hpp"
#include "spool/spool_file.hpp"
#include "spool/sqlite.hpp"

namespace dunetrace::spool {

// Gives `take` every sound batch once, in no order that can be relied on, and `problem` what is damaged. Only by
// walking along the table: a search for a position would trust the pages that lead to it. Errors are those of `take`,
// and those of reading that say nothing about the file.
[[nodiscard]] Result<> read_sound_rows(Connection& connection,
                                       const std::function<Result<>(const Row& row, std::string_view record)>& take,
                                       const std::function<void(std::string)>& problem);

}  // namespace dunetrace::spool
