#include "cli/watched_files.hpp"

#include <sys/stat.h>

#include <system_error>

namespace dunetrace::cli {
namespace {

std::int64_t to_ns(const timespec& time) {
  return static_cast<std::int64_t>(time.tv_sec) * 1'000'000'000 + static_cast<std::int64_t>(time.tv_nsec);
}

}  // namespace

Identity identify(const std::filesystem::path& file) {
  struct stat status {};
  if (::stat(file.c_str(), &status) != 0) return {};
  return {true, status.st_dev, status.st_ino, status.st_size, to_ns(status.st_mtim), to_ns(status.st_ctim)};
}

void add_plugin_directory(const std::filesystem::path& directory, Snapshot& to) {
  std::error_code failed;
  std::filesystem::directory_iterator entries(directory, failed);
  // Only whether it is there: what else happens in it (a lock file's draft) is none of our business.
  to[directory].there = !failed;
  for (const std::filesystem::directory_iterator end; !failed && entries != end; entries.increment(failed)) {
    const auto& path = entries->path();
    if (path.extension() == ".so" || path.filename() == "plugins.lock" || path.filename() == "plugins.lock.sig")
      to[path] = identify(path);
  }
}

}  // namespace dunetrace::cli
