// A batch as the bytes that lie in the spool file, and back. The format is the file's: it changes only with
// kFormat of spool_file.cpp. Pure; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/batch.hpp"
#include "core/result.hpp"

namespace dunetrace::spool {

[[nodiscard]] std::string to_record(const AcceptedBatch& batch);

// The texts of the batch are views into `record`, which it owns from then on. The error says at which byte it ends to
// make sense.
[[nodiscard]] Result<AcceptedBatch> from_record(std::string record);

// Any change of a single aligned word, or of the position, changes it.
[[nodiscard]] std::uint64_t checksum(std::string_view bytes, std::uint64_t position = 0);

// Whether a record has the checksum it was stored with. Files of format 1 did not cover the position by it.
[[nodiscard]] inline bool is_sound(std::string_view record, std::uint64_t position, std::uint64_t sum) {
  return checksum(record, position) == sum || checksum(record) == sum;
}

}  // namespace dunetrace::spool
