#include "plugin/isolation/region.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

namespace dunetrace::plugin {
namespace {

tl::unexpected<Error> failed(const char* what) {
  return fail(Code::unavailable, std::string("shared memory: ") + what + ": " + std::strerror(errno));
}

}  // namespace

Result<Region> Region::make(std::size_t bytes, Writers writers) {
  Fd fd(::memfd_create("dunetrace", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd) return failed("memfd_create");
  if (::ftruncate(fd.get(), static_cast<off_t>(bytes)) != 0) return failed("ftruncate");
  auto* const data = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
  if (data == MAP_FAILED) return failed("mmap");
  Region made(std::move(fd), static_cast<std::byte*>(data), bytes);
  // A file that shrank under the host would kill it with SIGBUS.
  int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
  if (writers == Writers::host_only) seals |= F_SEAL_FUTURE_WRITE;
  if (::fcntl(made.fd(), F_ADD_SEALS, seals) != 0) return failed("sealing");
  return made;
}

Region::Region(Region&& other) noexcept
    : fd_(std::move(other.fd_)), data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

Region& Region::operator=(Region&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

Region::~Region() {
  if (data_ != nullptr) ::munmap(data_, size_);
}

void Region::discard(std::size_t keep) { ::madvise(data_ + keep, size_ - keep, MADV_REMOVE); }

const char* to_text(Phase phase) {
  switch (phase) {
    case Phase::idle:
      return "between two calls";
    case Phase::load:
      return "being loaded";
    case Phase::describe:
      return "its entry function";
    case Phase::validate:
      return "validate()";
    case Phase::create:
      return "create()";
    case Phase::detect:
      return "detect()";
    case Phase::explain:
      return "explain()";
    case Phase::deliver:
      return "deliver()";
    case Phase::invoke:
      return "invoke()";
  }
  return "an unknown call";
}

}  // namespace dunetrace::plugin
