#include "store/health_probe.hpp"

namespace dunetrace::store {
namespace {

constexpr auto kKeep = std::chrono::milliseconds(900);  // a probe once a second gets a fresh answer

}  // namespace

Result<> HealthProbe::database() {
  {
    const std::lock_guard lock(mutex_);
    // A dead database must not hold all workers.
    if (last_ && (asking_ || clock_.steady() - asked_at_ < kKeep)) return *last_;
    asking_ = true;
  }
  auto result = db_.ping();
  const std::lock_guard lock(mutex_);
  asking_ = false;
  asked_at_ = clock_.steady();
  last_ = result;
  return result;
}

}  // namespace dunetrace::store
