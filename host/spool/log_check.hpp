// Whether the log beside a spool file lost something that was promised. SQLite does not say: to it the first frame that
// makes no sense is the end of the log, as after a crash. Internal to spool/; any thread.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace dunetrace::spool {

// What is wrong and at which byte; nothing when the log is sound, ends as a crash may end it, or is not there. A log
// that somebody writes to meanwhile is not judged.
[[nodiscard]] std::optional<std::string> damage_of_log(const std::filesystem::path& log);

}  // namespace dunetrace::spool
