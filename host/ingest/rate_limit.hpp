// At most so many requests per bucket in any 60 seconds (spec/wire.md 3.5). Thread-safe; memory is bounded.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "core/clock.hpp"

namespace dunetrace::ingest {

class RateLimit {
 public:
  // `requests` 0 = no limit.
  RateLimit(std::size_t requests, const Clock& clock) : requests_(requests), clock_(clock) {}

  [[nodiscard]] bool active() const { return requests_ > 0; }
  // Counts one request. When it is too many: the whole seconds after which one will be taken again.
  [[nodiscard]] std::optional<int> refuse(const std::string& bucket);

 private:
  static constexpr std::int64_t kWindow = 60;          // seconds
  static constexpr std::size_t kMostBuckets = 50'000;  // then those without a request in the window are forgotten
  struct Bucket {
    std::array<std::uint32_t, kWindow> counts{};  // by second, a ring
    std::int64_t newest = 0;                      // second of the newest entry
    std::size_t total = 0;
  };
  void move_to(Bucket& bucket, std::int64_t second) const;
  void forget_idle(std::int64_t second);

  const std::size_t requests_;
  const Clock& clock_;
  std::mutex mutex_;
  std::unordered_map<std::string, Bucket> buckets_;
};

}  // namespace dunetrace::ingest
