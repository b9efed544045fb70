// One process at a time: a lock on a file that ends with the process, however it ends. Not thread-safe.
#pragma once

#include <filesystem>
#include <string>
#include <utility>

#include "core/result.hpp"

namespace dunetrace::spool {

class FileLock {
 public:
  // Code::conflict, with the number of the process that holds it, when it is taken.
  [[nodiscard]] static Result<FileLock> take(const std::filesystem::path& path);
  // The number of the process that holds it, empty when nobody does.
  [[nodiscard]] static std::string holder(const std::filesystem::path& path);

  FileLock(FileLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileLock& operator=(FileLock&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;
  ~FileLock();

 private:
  explicit FileLock(int fd) : fd_(fd) {}
  int fd_ = -1;
};

}  // namespace dunetrace::spool
