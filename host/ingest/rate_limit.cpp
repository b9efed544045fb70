#include "ingest/rate_limit.hpp"

#include <algorithm>

namespace dunetrace::ingest {

std::optional<int> RateLimit::refuse(const std::string& bucket_name) {
  if (requests_ == 0) return std::nullopt;
  const auto second = std::chrono::duration_cast<std::chrono::seconds>(clock_.steady().time_since_epoch()).count();
  const std::lock_guard lock(mutex_);
  if (buckets_.size() >= kMostBuckets && !buckets_.contains(bucket_name)) forget_idle(second);
  auto& bucket = buckets_[bucket_name];
  move_to(bucket, second);
  if (bucket.total < requests_) {
    ++bucket.counts[static_cast<std::size_t>(second % kWindow)];
    ++bucket.total;
    return std::nullopt;
  }
  // The oldest second with a request leaves the window first.
  for (auto age = kWindow - 1; age > 0; --age) {
    const auto slot = static_cast<std::size_t>((second - age + kWindow) % kWindow);
    if (bucket.counts[slot] > 0) return static_cast<int>(kWindow - age);
  }
  return static_cast<int>(kWindow);
}

void RateLimit::move_to(Bucket& bucket, std::int64_t second) const {
  const auto passed = std::min(second - bucket.newest, kWindow);
  for (std::int64_t i = 1; i <= passed; ++i) {
    auto& slot = bucket.counts[static_cast<std::size_t>((second - passed + i) % kWindow)];
    bucket.total -= slot;
    slot = 0;
  }
  bucket.newest = std::max(bucket.newest, second);
}

void RateLimit::forget_idle(std::int64_t second) {
  std::erase_if(buckets_, [&](const auto& entry) { return second - entry.second.newest >= kWindow; });
  // A flood from that many addresses: everybody starts anew rather than memory growing.
  if (buckets_.size() >= kMostBuckets) buckets_.clear();
}

}  // namespace dunetrace::ingest
