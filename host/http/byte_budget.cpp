#include "http/byte_budget.hpp"

#include <utility>

namespace dunetrace::http {
namespace {

// Shares up to this size may use the last eighth of a budget, so that a few large bodies do not turn away the many
// small ones; nearly all batches are below.
constexpr std::size_t kSmall = 64 * 1024;

}  // namespace

ByteBudget::Share::Share(Share&& other) noexcept
    : budget_(std::move(other.budget_)), bytes_(std::exchange(other.bytes_, 0)) {}

ByteBudget::Share& ByteBudget::Share::operator=(Share&& other) noexcept {
  if (this != &other) {
    release();
    budget_ = std::move(other.budget_);
    bytes_ = std::exchange(other.bytes_, 0);
  }
  return *this;
}

bool ByteBudget::Share::resize(std::size_t bytes) {
  if (bytes > bytes_) {
    if (!budget_) return false;
    const auto most = bytes <= kSmall ? budget_->limit_ : budget_->limit_ - budget_->limit_ / 8;
    if (!budget_->take(bytes - bytes_, most)) return false;
  } else if (bytes < bytes_) {
    budget_->give(bytes_ - bytes);
  }
  bytes_ = bytes;
  return true;
}

void ByteBudget::Share::release() {
  if (const auto bytes = std::exchange(bytes_, 0); bytes > 0) budget_->give(bytes);
}

ByteBudget::Share ByteBudget::Share::take_all() {
  Share all(budget_);
  all.bytes_ = std::exchange(bytes_, 0);
  return all;
}

bool ByteBudget::take(std::size_t more, std::size_t most) {
  auto used = used_.load(std::memory_order_relaxed);
  do {
    if (used > most || more > most - used) return false;
  } while (!used_.compare_exchange_weak(used, used + more, std::memory_order_relaxed));
  return true;
}

}  // namespace dunetrace::http
