#include "core/turns.hpp"

#include <sys/syscall.h>
#include <unistd.h>

namespace dunetrace {
namespace {

// The kernel's struct sched_attr in its first form; the C library has none.
struct SchedulerAttributes {
  std::uint32_t size = sizeof(SchedulerAttributes);
  std::uint32_t policy = 0;
  std::uint64_t flags = 0;
  std::int32_t nice = 0;
  std::uint32_t priority = 0;
  std::uint64_t runtime = 0;  // of ordinary threads: the length of a turn, in nanoseconds
  std::uint64_t deadline = 0;
  std::uint64_t period = 0;
};

bool read(SchedulerAttributes& attributes) noexcept {
  return ::syscall(SYS_sched_getattr, 0, &attributes, sizeof attributes, 0) == 0;
}

}  // namespace

bool take_turns(std::chrono::nanoseconds length) noexcept {
  constexpr std::uint32_t kOrdinary = 0;  // SCHED_OTHER; whoever chose another policy knows why
  SchedulerAttributes attributes;
  if (!read(attributes) || attributes.policy != kOrdinary) return false;
  attributes.runtime = static_cast<std::uint64_t>(length.count());
  return ::syscall(SYS_sched_setattr, 0, &attributes, 0) == 0 && turns() == length;
}

std::chrono::nanoseconds turns() noexcept {
  SchedulerAttributes attributes;
  if (!read(attributes)) return {};
  return std::chrono::nanoseconds(attributes.runtime);
}

}  // namespace dunetrace
