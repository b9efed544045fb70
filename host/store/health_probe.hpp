// "Does the database answer?", asked at most about once a second however many want to know. Thread-safe.
#pragma once

#include <chrono>
#include <mutex>
#include <optional>

#include "core/clock.hpp"
#include "core/result.hpp"
#include "store/database.hpp"

namespace dunetrace::store {

class HealthProbe {
 public:
  HealthProbe(Database& db, const Clock& clock) : db_(db), clock_(clock) {}

  // May block for one Database::ping (1 s); while one thread asks, the others get the answer before.
  [[nodiscard]] Result<> database();

 private:
  Database& db_;
  const Clock& clock_;
  std::mutex mutex_;
  std::optional<Result<>> last_;
  std::chrono::steady_clock::time_point asked_at_{};
  bool asking_ = false;
};

}  // namespace dunetrace::store
