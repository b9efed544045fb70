// Carries what SQLite's log holds over into the spool's file, on a thread and a connection of its own. On the
// committing thread, as SQLite does it by itself, every answer would wait until some 16 MB have reached the disk.
// Internal to the disk spool.
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>

#include "spool/spool_file.hpp"
#include "telemetry/log.hpp"

namespace dunetrace::spool {

struct CheckpointLimits {
  // Of 8 KB: carried over together, most pages are written once instead of often.
  std::size_t pages = 2'000;
  // While batches keep coming, the log has always got longer by the time it was carried over, and only an empty one
  // begins anew. From this length on the committing thread carries over the little that is left itself.
  std::size_t long_log = 6'000;
};

class Checkpointer {
 public:
  Checkpointer(SpoolFile file, telemetry::Logger& log, CheckpointLimits limits = {});  // a file for this class alone
  ~Checkpointer();
  Checkpointer(const Checkpointer&) = delete;
  Checkpointer& operator=(const Checkpointer&) = delete;

  // By the committing thread, after each transaction, with its own connection.
  void committed(SpoolFile& writing);

 private:
  void run(const std::stop_token& stop);
  void carry_over(SpoolFile& file);

  const CheckpointLimits limits_;
  SpoolFile file_;
  telemetry::Logger& log_;
  std::mutex mutex_;
  std::condition_variable_any work_;
  bool wanted_ = false;      // and not done yet
  std::size_t carried_ = 0;  // pages of the log that the last turn began with
  std::size_t tried_ = 0;    // pages of the log when the committing thread tried to empty it
  std::jthread thread_;      // last: it uses everything above
};

}  // namespace dunetrace::spool
