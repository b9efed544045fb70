#include "conformance/guarded.hpp"

#include <sys/mman.h>

#include <cstring>

#include "core/result.hpp"

namespace dunetrace::conformance {
namespace {

constexpr std::size_t kPage = 4096;

}  // namespace

GuardedMemory::GuardedMemory(std::size_t reserve) : reserve_(reserve) {
  void* const memory = ::mmap(nullptr, reserve_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  DUNE_CHECK(memory != MAP_FAILED, "no address space for guarded memory");
  base_ = static_cast<char*>(memory);
}

GuardedMemory::~GuardedMemory() { ::munmap(base_, reserve_); }

void* GuardedMemory::take(std::size_t bytes) {
  const std::size_t body = (bytes + kPage - 1) / kPage * kPage;
  DUNE_CHECK(used_ + body + kPage <= reserve_, "the run is too large for guarded memory");
  char* const begin = base_ + used_;
  used_ += body + kPage;
  if (body == 0) return begin;
  const int failed = ::mprotect(begin, body, PROT_READ | PROT_WRITE);
  DUNE_CHECK(failed == 0, "too many guarded blocks (vm.max_map_count)");
  blocks_.push_back({begin, body});
  return begin + body - bytes;
}

const char* GuardedMemory::copy(std::string_view text) {
  auto* const to = static_cast<char*>(take(text.size()));
  if (!text.empty()) std::memcpy(to, text.data(), text.size());
  return to;
}

void GuardedMemory::protect(int protection) {
  for (const auto& block : blocks_) ::mprotect(block.begin, block.bytes, protection);
}

void GuardedMemory::read_only() { protect(PROT_READ); }
void GuardedMemory::unreadable() {
  if (used_ > 0) ::mprotect(base_, used_, PROT_NONE);
}

bool GuardedMemory::contains(const void* address) const {
  const auto* const at = static_cast<const char*>(address);
  return at >= base_ && at < base_ + reserve_;
}

}  // namespace dunetrace::conformance
