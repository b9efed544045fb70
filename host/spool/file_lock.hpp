// One process at a time: a lock on a file that ends with the process, however it ends. Not thread-safe.
#pragma once

#include <filesystem>
#include <string>
#include <utility>

#include "core/fd.hpp"
#include "core/result.hpp"

namespace dunetrace::spool {

class FileLock {
 public:
  // Code::conflict, with the number of the process that holds it, when it is taken.
  [[nodiscard]] static Result<FileLock> take(const std::filesystem::path& path);
  // The number of the process that holds it, empty when nobody does.
  [[nodiscard]] static std::string holder(const std::filesystem::path& path);

 private:
  explicit FileLock(Fd fd) : fd_(std::move(fd)) {}
  Fd fd_;
};

}  // namespace dunetrace::spool
