#include "load/disk.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <string>
#include <thread>

#include "core/turns.hpp"

namespace dunetrace::load {
namespace {

using Steady = std::chrono::steady_clock;

class TemporaryFile {
 public:
  explicit TemporaryFile(const std::filesystem::path& directory)
      : path_((directory / "append-XXXXXX").string()), fd_(::mkostemp(path_.data(), O_CLOEXEC)) {}
  ~TemporaryFile() {
    if (fd_ < 0) return;
    ::close(fd_);
    ::unlink(path_.c_str());
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  [[nodiscard]] int fd() const { return fd_; }

 private:
  std::string path_;
  const int fd_;
};

}  // namespace

Result<DiskTimes> write_durably(const std::filesystem::path& directory, double seconds, double per_s) {
  take_turns(kShortTurns);  // as the thread that commits does
  const TemporaryFile longer(directory), same(directory);
  const std::string block(4096, 'd');
  constexpr std::size_t kBlocks = 1024;
  const auto failed = [&] {
    return fail(Code::unavailable, directory.string() + " cannot be written: " + std::strerror(errno));
  };
  const auto put = [&block](int fd, std::size_t at) {
    return ::pwrite(fd, block.data(), block.size(), static_cast<off_t>(at * block.size())) ==
           static_cast<ssize_t>(block.size());
  };
  for (std::size_t i = 0; i < kBlocks; ++i) {
    if (!put(same.fd(), i)) return failed();
  }
  if (::fsync(same.fd()) != 0) return failed();
  const auto interval = std::chrono::nanoseconds(per_s > 0 ? static_cast<std::int64_t>(1e9 / per_s) : 0);
  const auto end = Steady::now() + std::chrono::nanoseconds(static_cast<std::int64_t>(seconds * 1e9));
  DiskTimes times;
  std::size_t n = 0;
  for (auto due = Steady::now(); due < end; due = std::max(due + interval, Steady::now()), ++n) {
    std::this_thread::sleep_until(due);
    for (const bool append : {true, false}) {
      const int fd = append ? longer.fd() : same.fd();
      const auto begin = Steady::now();
      if (!put(fd, append ? n : n % kBlocks) || ::fdatasync(fd) != 0) return failed();
      auto& list = append ? times.append : times.overwrite;
      list.push_back(std::chrono::duration<double, std::milli>(Steady::now() - begin).count());
    }
  }
  return times;
}

}  // namespace dunetrace::load
