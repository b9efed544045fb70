#include "spool/file_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace dunetrace::spool {
namespace {

std::string written_in(int fd) {
  char text[32];
  const auto size = ::pread(fd, text, sizeof text, 0);
  return size > 0 ? std::string(text, static_cast<std::size_t>(size)) : "unknown";
}

}  // namespace

Result<FileLock> FileLock::take(const std::filesystem::path& path) {
  Fd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!fd) return fail(Code::denied, path.string() + ": " + std::strerror(errno));
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    return fail(Code::conflict, path.string() + ": in use by process " + written_in(fd.get()));
  }
  const auto own = std::to_string(::getpid());
  // The number is for people; without it the lock is as good.
  if (::ftruncate(fd.get(), 0) == 0) static_cast<void>(::pwrite(fd.get(), own.data(), own.size(), 0) < 0);
  return FileLock(std::move(fd));
}

std::string FileLock::holder(const std::filesystem::path& path) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return "";
  return ::flock(fd.get(), LOCK_SH | LOCK_NB) == 0 ? "" : written_in(fd.get());
}

}  // namespace dunetrace::spool
