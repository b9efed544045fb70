// Memory every block of which ends at an unreadable page, and which can be made read-only or unreadable as a whole. A
// plugin that reads past the end, writes, or keeps a pointer is met by the processor. One thread.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace dunetrace::conformance {

constexpr std::size_t kLarge = 256 * 1024 * 1024;  // a run of the tests takes a tenth of it
constexpr std::size_t kSmall = 2 * 1024 * 1024;    // a few records

class GuardedMemory {
 public:
  // `reserve`: bytes of address space; every block takes its pages and one more.
  explicit GuardedMemory(std::size_t reserve = kLarge);
  GuardedMemory(const GuardedMemory&) = delete;
  GuardedMemory& operator=(const GuardedMemory&) = delete;
  ~GuardedMemory();

  // A block whose last byte is the last one before the guard page. Aligned as far as `bytes` allows: a multiple of 8 is
  // aligned to 8. 0 bytes give an address that cannot be read.
  [[nodiscard]] void* take(std::size_t bytes);
  [[nodiscard]] const char* copy(std::string_view text);

  void read_only();
  void unreadable();
  [[nodiscard]] bool contains(const void* address) const;

 private:
  struct Block {
    char* begin;
    std::size_t bytes;
  };
  void protect(int protection);

  std::size_t reserve_;
  char* base_ = nullptr;
  std::size_t used_ = 0;
  std::vector<Block> blocks_;
};

}  // namespace dunetrace::conformance
