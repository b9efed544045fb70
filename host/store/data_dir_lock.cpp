#include "store/data_dir_lock.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

#include "core/fd.hpp"

namespace dunetrace::store {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::milliseconds kLimit{500};  // a host that was just killed lets go within moments
constexpr std::chrono::milliseconds kEvery{20};

bool locked_in_time(int file) {
  const auto deadline = std::chrono::steady_clock::now() + kLimit;
  while (::flock(file, LOCK_EX | LOCK_NB) != 0) {
    if (std::chrono::steady_clock::now() >= deadline) return false;
    std::this_thread::sleep_for(kEvery);
  }
  return true;
}

std::string holder(int file) {
  std::array<char, 32> text{};
  const auto got = ::pread(file, text.data(), text.size() - 1, 0);
  const std::string_view pid(text.data(), got > 0 ? static_cast<std::size_t>(got) : 0);
  return std::string(pid.substr(0, pid.find('\n')));
}

}  // namespace

struct DataDirLock::Impl {
  Fd file;
};

DataDirLock::DataDirLock(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
DataDirLock::~DataDirLock() = default;
DataDirLock::DataDirLock(DataDirLock&&) noexcept = default;
DataDirLock& DataDirLock::operator=(DataDirLock&&) noexcept = default;

Result<DataDirLock> DataDirLock::take(const fs::path& data_dir) {
  std::error_code error;
  fs::create_directories(data_dir, error);
  if (error) {
    return fail(Code::denied, fmt::format("the data directory {} cannot be made: {} (set DUNETRACE_DATA_DIR)",
                                          data_dir.string(), error.message()));
  }
  const auto path = (data_dir / "lock").string();
  // For its owner alone: whoever can open the file can lock it.
  Fd file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!file || ::fchmod(file.get(), 0600) != 0) {
    return fail(Code::denied, fmt::format("{} cannot be opened: {} (DUNETRACE_DATA_DIR must be a directory of this "
                                          "user's own)",
                                          path, std::strerror(errno)));
  }
  if (!locked_in_time(file.get())) {
    return fail(Code::conflict, fmt::format("the data directory {} is in use by another dunetrace (process {}): stop "
                                            "it, or give this one its own DUNETRACE_DATA_DIR",
                                            data_dir.string(), holder(file.get())));
  }
  const auto pid = fmt::format("{}\n", ::getpid());
  if (::ftruncate(file.get(), 0) != 0 ||
      ::pwrite(file.get(), pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size())) {
    return fail(Code::denied, fmt::format("{} cannot be written: {}", path, std::strerror(errno)));
  }
  return DataDirLock(std::make_unique<Impl>(Impl{std::move(file)}));
}

}  // namespace dunetrace::store
