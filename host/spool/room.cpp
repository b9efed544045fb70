#include "spool/room.hpp"

#include <sys/statvfs.h>

#include <algorithm>

namespace dunetrace::spool {
namespace {

constexpr std::int64_t kShrinkAbove = 64 * 1024 * 1024;  // an empty file larger than that gives its room back
constexpr std::int64_t kShrinkTight = 1024 * 1024;       // or than that, on a disk with little room
constexpr std::uint64_t kReserve = 64 * 1024 * 1024;     // of the disk, left to others; at most a twentieth of it

std::uint64_t log_bytes(const SpoolFile& file) { return file.log_pages() * SpoolFile::kPageBytes; }

}  // namespace

std::uint64_t usable_bytes(const std::filesystem::path& directory) {
  struct statvfs info {};
  if (::statvfs(directory.c_str(), &info) != 0) return ~std::uint64_t{0};  // the write itself will tell
  const auto free = static_cast<std::uint64_t>(info.f_bavail) * info.f_frsize;
  const auto whole = static_cast<std::uint64_t>(info.f_blocks) * info.f_frsize;
  const auto reserve = std::min(kReserve, whole / 20);
  return free > reserve ? free - reserve : 0;
}

Room make_room(SpoolFile& writing, std::uint64_t free, bool wanted) {
  auto log_now = log_bytes(writing);  // all of it, though some may be carried over: it is better to be sure
  const bool tight = free / 4 < log_now && log_now >= kSmallLog;
  if (tight || (wanted && log_now > 0)) {
    static_cast<void>(writing.checkpoint());  // when it fails, the next turn tries again
    log_now = log_bytes(writing);
  }
  if (free >= kReserve) return {log_now, 0};
  const auto pages = writing.free_bytes();  // asked only where it matters
  return {log_now, pages ? static_cast<std::uint64_t>(*pages) : 0};
}

Result<std::optional<std::uint64_t>> RemovalSize::stop(SpoolFile& writing, std::uint64_t end, std::uint64_t bytes,
                                                       std::uint64_t free) const {
  if (rows_ == kMany && bytes <= free / 4) return std::nullopt;
  const auto room = static_cast<std::size_t>(free / (4 * SpoolFile::kPageBytes));
  DUNE_TRY(place, writing.position_behind(std::min(rows_, std::max(kFew, room))));
  if (place && *place >= end) place.reset();
  return place;
}

void RemovalSize::tried(bool done) {
  if (done)
    rows_ = std::min(rows_ * 2, kMany);
  else
    rows_ = rows_ == kMany ? kFew : std::max<std::size_t>(rows_ / 4, 1);
}

void shrink_if_large(SpoolFile& writing, const std::function<std::uint64_t()>& free_bytes, telemetry::Logger& log) {
  const auto size = writing.file_bytes();
  const bool tight = size && *size >= kShrinkTight && free_bytes() < 2 * static_cast<std::uint64_t>(*size);
  if (!size || (*size < kShrinkAbove && !tight)) return;
  auto shrunk = writing.shrink();
  if (shrunk) shrunk = writing.checkpoint();
  if (!shrunk) log.warn("spool.not_shrunk", {{"reason", shrunk.error().text}});
}

}  // namespace dunetrace::spool
