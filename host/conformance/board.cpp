#include "conformance/board.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "json/writer.hpp"

namespace dunetrace::conformance {
namespace {

template <std::size_t N>
void put(char (&to)[N], std::string_view text) {
  const auto kept = text.size() < N ? text.size() : N - 1;
  std::memcpy(to, text.data(), kept);
  to[kept] = '\0';
}

template <std::size_t N>
std::string get(const char (&from)[N]) {
  return json::repair_utf8({from, ::strnlen(from, N)});
}

Result<Page*> map(int descriptor) {
  void* const memory = ::mmap(nullptr, sizeof(Page), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
  if (memory == MAP_FAILED) return fail(Code::internal, std::string("shared page: ") + std::strerror(errno));
  return static_cast<Page*>(memory);
}

}  // namespace

Result<Board> Board::create() {
  Fd descriptor(::memfd_create("dunetrace-check", MFD_CLOEXEC));
  if (!descriptor || ::ftruncate(descriptor.get(), sizeof(Page)) != 0)
    return fail(Code::internal, std::string("shared page: ") + std::strerror(errno));
  DUNE_TRY(page, map(descriptor.get()));
  return Board(std::move(descriptor), page);
}

Result<Board> Board::attach(int descriptor) {
  DUNE_TRY(page, map(descriptor));
  return Board(Fd(descriptor), page);
}

Board::Board(Board&& other) noexcept
    : descriptor_(std::move(other.descriptor_)), page_(std::exchange(other.page_, nullptr)) {}

Board::~Board() {
  if (page_ != nullptr) ::munmap(page_, sizeof(Page));
}

void Board::doing(std::string_view what) { put(page_->doing, what); }

void Board::finish(Verdict verdict, std::string_view found, std::string_view mend) {
  if (finished()) return;
  page_->verdict = static_cast<std::uint32_t>(verdict);
  put(page_->found, found);
  put(page_->mend, mend);
  page_->done.store(1, std::memory_order_release);
}

bool Board::finished() const { return page_->done.load(std::memory_order_acquire) == 1; }

std::string Board::doing() const { return get(page_->doing); }

Finding Board::finding() const {
  const auto verdict = page_->verdict <= static_cast<std::uint32_t>(Verdict::skip)
                           ? static_cast<Verdict>(page_->verdict)
                           : Verdict::fail;
  return {verdict, get(page_->found), get(page_->mend)};
}

}  // namespace dunetrace::conformance
