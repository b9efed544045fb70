// Batches to put into a spool, and what came out of it.
#pragma once

#include <string>
#include <vector>

#include "core/clock.hpp"
#include "spool/disk_spool.hpp"
#include "testing/temp_dir.hpp"
#include "testing/test_log.hpp"

namespace dunetrace::spool {

// Events with every kind of member; their steps count from `first_step`. It owns its texts.
[[nodiscard]] AcceptedBatch make_batch(const std::string& id, int events, int first_step = 0,
                                       std::size_t payload_bytes = 20);

// Appends and waits for the answer.
[[nodiscard]] Append append_now(Spool& spool, AcceptedBatch batch);

// Batch ids from the oldest on, without acknowledging; and the same, acknowledged.
[[nodiscard]] std::vector<std::string> ids(Spool& spool, std::size_t max_events = 1'000'000);
[[nodiscard]] std::vector<std::string> drain(Spool& spool, std::size_t max_events = 1'000'000);

// A directory with a spool that can be closed and opened again.
struct SpoolPlace {
  testing::TempDir dir;
  testing::TestLog log;
  SystemClock clock;
  std::filesystem::path file = dir / "spool/ingest.db";

  [[nodiscard]] Result<std::unique_ptr<DiskSpool>> try_open(DiskSpoolOptions options = {});
  [[nodiscard]] std::unique_ptr<DiskSpool> open(DiskSpoolOptions options = {});
};

}  // namespace dunetrace::spool
