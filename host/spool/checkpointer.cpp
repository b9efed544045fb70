#include "spool/checkpointer.hpp"

namespace dunetrace::spool {
Checkpointer::Checkpointer(SpoolFile file, telemetry::Logger& log, CheckpointLimits limits)
    : limits_(limits), file_(std::move(file)), log_(log), thread_([this](const std::stop_token& stop) { run(stop); }) {}

Checkpointer::~Checkpointer() = default;

void Checkpointer::committed(SpoolFile& writing) {
  const auto pages = writing.log_pages();
  {
    const std::lock_guard guard(mutex_);
    if (wanted_) return;
    if (pages < carried_) carried_ = tried_ = 0;  // it began anew
    const bool too_long =
        pages >= limits_.long_log && pages >= tried_ + limits_.pages && pages < carried_ + limits_.pages;
    if (!too_long) {
      if (pages < carried_ + limits_.pages) return;
      wanted_ = true;
      carried_ = pages;
      work_.notify_one();
      return;
    }
    tried_ = pages;
  }
  carry_over(writing);
}

void Checkpointer::run(const std::stop_token& stop) {
  std::unique_lock guard(mutex_);
  while (work_.wait(guard, stop, [this] { return wanted_; })) {
    guard.unlock();
    carry_over(file_);
    guard.lock();
    wanted_ = false;
  }
}

// Harmless when it fails: the log has everything, and gets longer.
void Checkpointer::carry_over(SpoolFile& file) {
  if (const auto done = file.carry_over(); !done)
    log_.warn("spool.log_not_carried_over", {{"reason", done.error().text}});
}

}  // namespace dunetrace::spool
