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

Result<std::vector<double>> append_durably(const std::filesystem::path& directory, double seconds, double per_s) {
  take_turns(kShortTurns);  // as the thread that commits does
  const TemporaryFile file(directory);
  const std::string block(4096, 'd');
  const auto interval = std::chrono::nanoseconds(per_s > 0 ? static_cast<std::int64_t>(1e9 / per_s) : 0);
  const auto end = Steady::now() + std::chrono::nanoseconds(static_cast<std::int64_t>(seconds * 1e9));
  std::vector<double> times_ms;
  for (auto due = Steady::now(); due < end; due = std::max(due + interval, Steady::now())) {
    std::this_thread::sleep_until(due);
    const auto begin = Steady::now();
    const auto written = ::write(file.fd(), block.data(), block.size());
    if (written != static_cast<ssize_t>(block.size()) || ::fdatasync(file.fd()) != 0) {
      return fail(Code::unavailable, directory.string() + " cannot be written: " + std::strerror(errno));
    }
    times_ms.push_back(std::chrono::duration<double, std::milli>(Steady::now() - begin).count());
  }
  return times_ms;
}

}  // namespace dunetrace::load
