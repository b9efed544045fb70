// What the request bodies of a port may take in memory together: limits per request do not help against many of them.
// Thread-safe; a Share is used by one thread at a time. Internal to http/.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <utility>

namespace dunetrace::http {

class ByteBudget {
 public:
  explicit ByteBudget(std::size_t limit) : limit_(limit) {}

  // Bytes that one owner holds; given back at its end.
  class Share {
   public:
    Share() = default;  // of nothing: holds nothing and cannot grow
    explicit Share(std::shared_ptr<ByteBudget> budget) : budget_(std::move(budget)) {}
    Share(Share&& other) noexcept;
    Share& operator=(Share&& other) noexcept;
    Share(const Share&) = delete;
    Share& operator=(const Share&) = delete;
    ~Share() { release(); }

    // False, and nothing changes, when there is no room to grow; shrinking always succeeds.
    [[nodiscard]] bool resize(std::size_t bytes);
    void release();
    // A share of its own for all bytes; this one holds none then.
    [[nodiscard]] Share take_all();
    [[nodiscard]] std::size_t bytes() const { return bytes_; }

   private:
    std::shared_ptr<ByteBudget> budget_;
    std::size_t bytes_ = 0;
  };

  [[nodiscard]] std::size_t used() const { return used_.load(std::memory_order_relaxed); }

 private:
  [[nodiscard]] bool take(std::size_t more, std::size_t most);
  void give(std::size_t bytes) { used_.fetch_sub(bytes, std::memory_order_relaxed); }

  const std::size_t limit_;
  std::atomic<std::size_t> used_{0};
};

}  // namespace dunetrace::http
