// The one lock of a data directory: whoever holds it may change what lies there, ports.json and the database's files
// above all. Held by the process, let go when it ends, however it ends.
#pragma once

#include <filesystem>
#include <memory>

#include "core/result.hpp"

namespace dunetrace::store {

class DataDirLock {
 public:
  // Makes the directory when there is none. Code::conflict when another process holds the lock (the text has its
  // number), Code::denied when the directory cannot be made or belongs to somebody else. A process that was killed a
  // moment ago is waited for.
  [[nodiscard]] static Result<DataDirLock> take(const std::filesystem::path& data_dir);
  ~DataDirLock();
  DataDirLock(DataDirLock&&) noexcept;
  DataDirLock& operator=(DataDirLock&&) noexcept;

 private:
  struct Impl;
  explicit DataDirLock(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace dunetrace::store
