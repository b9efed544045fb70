// The durable spool: an append is answered when its batch is on this machine's disk. SQLite in WAL mode with
// synchronous=FULL and group commit: one thread commits, and what arrives during one commit goes into the next. What
// was just committed stays in memory for the reader, up to a limit; beyond it the reader reads the file.
// Thread-safe; one thread reads and acknowledges.
#pragma once

#include <filesystem>
#include <functional>

#include "core/clock.hpp"
#include "spool/spool.hpp"
#include "telemetry/log.hpp"

namespace dunetrace::spool {

struct DiskSpoolOptions {
  std::filesystem::path file = {};  // its directory is made; nobody else may read either
  std::uint64_t max_bytes = std::uint64_t{1} << 30;
  // Waiting for the disk: bounds what a stalled one makes memory hold.
  std::size_t waiting_events = 100'000;
  std::size_t waiting_bytes = 64 * 1024 * 1024;
  std::uint64_t log_bytes = 0;                  // SQLite's log is made that long at the start, see lengthen_log()
  std::size_t window_bytes = 32 * 1024 * 1024;  // committed batches kept in memory for the reader
  std::size_t most_answers = kMostAnswers;
  // Free bytes that may be used where the file lies; what the file system says, less a reserve, unless given.
  std::function<std::uint64_t()> free_bytes = {};
};

class DiskSpool final : public Spool {
 public:
  // Code::conflict when another process has the spool. A damaged file is mended, see mend.hpp.
  [[nodiscard]] static Result<std::unique_ptr<DiskSpool>> open(DiskSpoolOptions options, const Clock& clock,
                                                               telemetry::Logger& log);
  ~DiskSpool() override;

  void append(AcceptedBatch batch, Done done) override;
  [[nodiscard]] ReadGroup read(std::size_t max_events, std::stop_token stop,
                               std::chrono::steady_clock::time_point deadline) override;
  [[nodiscard]] std::vector<FirstAnswer> take_kept_answers() override;
  void acknowledge(std::uint64_t end) override;
  void close() override;
  [[nodiscard]] bool closed() const override;
  [[nodiscard]] bool wait_drained(std::chrono::milliseconds limit) override;
  void finish() override;
  [[nodiscard]] bool full() const override;
  [[nodiscard]] std::size_t events() const override;
  [[nodiscard]] std::size_t bytes() const override;
  [[nodiscard]] std::size_t events_in_memory() const override;
  [[nodiscard]] std::optional<double> oldest_accepted_at() const override;
  [[nodiscard]] bool durable() const override { return true; }
  [[nodiscard]] const std::string& id() const override;

  [[nodiscard]] std::uint64_t max_bytes() const;

 private:
  struct Impl;
  explicit DiskSpool(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace dunetrace::spool
