#include "core/private_files.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include "core/fd.hpp"

namespace dunetrace {

bool make_private(const std::filesystem::path& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return errno == ENOENT;
  constexpr mode_t kOthers = S_IRWXG | S_IRWXO;
  return (info.st_mode & kOthers) == 0 || ::chmod(path.c_str(), info.st_mode & 07777 & ~kOthers) == 0;
}

Result<> make_private_directory(const std::filesystem::path& path) {
  std::error_code error;
  std::filesystem::create_directories(path.parent_path(), error);
  if (error) return fail(Code::denied, path.parent_path().string() + ": " + error.message());
  if (::mkdir(path.c_str(), S_IRWXU) == 0) return {};
  const int reason = errno;
  if (std::filesystem::is_directory(path, error)) return {};
  return fail(Code::denied, path.string() + ": " + std::strerror(reason));
}

void create_private_file(const std::filesystem::path& path) {
  const Fd made(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR));
}

}  // namespace dunetrace
