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
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640);
  if (fd < 0) return fail(Code::denied, path.string() + ": " + std::strerror(errno));
  FileLock lock(fd);
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    return fail(Code::conflict, path.string() + ": in use by process " + written_in(fd));
  }
  const auto own = std::to_string(::getpid());
  // The number is for people; without it the lock is as good.
  if (::ftruncate(fd, 0) == 0) static_cast<void>(::pwrite(fd, own.data(), own.size(), 0) < 0);
  return lock;
}

std::string FileLock::holder(const std::filesystem::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return "";
  std::string holder;
  if (::flock(fd, LOCK_SH | LOCK_NB) != 0) holder = written_in(fd);
  ::close(fd);
  return holder;
}

FileLock::~FileLock() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace dunetrace::spool
