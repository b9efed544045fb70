// Opening the spool file of a host: one that is damaged is replaced by what is good of it. Internal to spool/.
#pragma once

#include "spool/spool_file.hpp"
#include "telemetry/log.hpp"

namespace dunetrace::spool {

struct Opened {
  SpoolFile file;
  Inspection content;  // what is in `file`
};

// Opens or makes the spool at `path`. A damaged file is set aside under another name, with a log line that says what is
// damaged, where it lies now and how much was kept. The next position is beyond every one that was ever used, also by
// batches that are lost: the database must not take new events for old ones.
[[nodiscard]] Result<Opened> open_or_mend(const std::filesystem::path& path, telemetry::Logger& log);

}  // namespace dunetrace::spool
