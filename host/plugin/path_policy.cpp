#include "plugin/path_policy.hpp"

#include <elf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

namespace dunetrace::plugin {
namespace {

constexpr off_t kMaxFileBytes = 64 * 1024 * 1024;

class Fd {
 public:
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  ~Fd() {
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

std::string reason() { return std::strerror(errno); }  // NOLINT(concurrency-mt-unsafe): glibc's is safe

bool trusted_owner(uid_t owner) {
  static const uid_t executable_owner = [] {
    struct stat info {};
    return ::stat("/proc/self/exe", &info) == 0 ? info.st_uid : ::geteuid();
  }();
  return owner == 0 || owner == ::geteuid() || owner == executable_owner;
}

// Debian's user private group: nobody else is in it, so its write bit gives nobody anything.
bool private_group(gid_t group, uid_t owner) {
  std::vector<char> buffer(16 * 1024);
  passwd user{};
  passwd* found_user = nullptr;
  if (::getpwuid_r(owner, &user, buffer.data(), buffer.size(), &found_user) != 0 || found_user == nullptr) return false;
  const std::string name = user.pw_name;
  if (user.pw_gid != group) return false;
  ::group entry{};
  ::group* found_group = nullptr;
  if (::getgrgid_r(group, &entry, buffer.data(), buffer.size(), &found_group) != 0 || found_group == nullptr)
    return false;
  if (name != entry.gr_name) return false;
  for (char** member = entry.gr_mem; *member != nullptr; ++member) {
    if (name != *member) return false;
  }
  return true;
}

Result<> check_owner(const struct stat& info, const std::string& path) {
  if (!trusted_owner(info.st_uid)) {
    return fail(Code::denied,
                fmt::format("{}: belongs to user {}, expected root or user {}", path, info.st_uid, ::geteuid()));
  }
  const bool sticky = S_ISDIR(info.st_mode) && (info.st_mode & S_ISVTX) != 0;
  const bool others = (info.st_mode & S_IWOTH) != 0;
  const bool group = (info.st_mode & S_IWGRP) != 0 && !private_group(info.st_gid, info.st_uid);
  if ((others || group) && !sticky) {
    return fail(Code::denied, fmt::format("{}: {} may write to it; run: chmod go-w '{}'", path,
                                          others ? "everybody" : "its group", path));
  }
  return {};
}

template <class T>
bool read_at(int fd, T& to, std::uint64_t offset) {
  return ::pread(fd, &to, sizeof to, static_cast<off_t>(offset)) == static_cast<ssize_t>(sizeof to);
}

// Whether everything the loader will map is there.
Result<> check_elf(int fd, off_t size, const std::string& path) {
  const auto broken = [&](std::string_view why) { return fail(Code::denied, fmt::format("{}: {}", path, why)); };
  Elf64_Ehdr header{};
  if (!read_at(fd, header, 0) || std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0) return broken("is no ELF library");
  if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB || header.e_type != ET_DYN) {
    return broken("is no 64-bit little-endian shared library");
  }
  const auto bytes = static_cast<std::uint64_t>(size);
  if (header.e_phnum == 0 || header.e_phentsize != sizeof(Elf64_Phdr)) return broken("has no program headers");
  for (std::uint64_t i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr part{};
    if (header.e_phoff > bytes || !read_at(fd, part, header.e_phoff + i * sizeof part)) return broken("is cut off");
    if (part.p_offset > bytes || part.p_filesz > bytes - part.p_offset) return broken("is cut off; copy it again");
  }
  return {};
}

}  // namespace

Result<std::filesystem::path> check_directory(const std::filesystem::path& directory) {
  if (!directory.is_absolute()) {
    return fail(Code::invalid_argument, fmt::format("{}: a plugin directory is an absolute path", directory.string()));
  }
  std::error_code error;
  const auto resolved = std::filesystem::canonical(directory, error);
  if (error) return fail(Code::not_found, fmt::format("{}: {}", directory.string(), error.message()));
  Fd at(::open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  std::filesystem::path done = "/";
  const auto look = [&]() -> Result<> {
    struct stat info {};
    if (at.get() < 0 || ::fstat(at.get(), &info) != 0) return fail(Code::denied, done.string() + ": " + reason());
    return check_owner(info, done.string());
  };
  DUNE_TRY_VOID(look());
  for (const auto& part : resolved.relative_path()) {
    at = Fd(::openat(at.get(), part.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    done /= part;
    DUNE_TRY_VOID(look());
  }
  return resolved;
}

Result<> check_file(const std::filesystem::path& file) {
  const auto path = file.string();
  const Fd fd(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  struct stat info {};
  if (fd.get() < 0 || ::fstat(fd.get(), &info) != 0) return fail(Code::denied, path + ": " + reason());
  if (!S_ISREG(info.st_mode)) return fail(Code::denied, path + ": is not a regular file");
  if ((info.st_mode & (S_ISUID | S_ISGID)) != 0) return fail(Code::denied, path + ": has a setuid or setgid bit");
  if (info.st_size > kMaxFileBytes) return fail(Code::denied, path + ": is larger than 64 MB");
  if (file.extension() != ".so") return fail(Code::denied, path + ": a plugin is named <name>.so");
  DUNE_TRY_VOID(check_owner(info, path));
  return check_elf(fd.get(), info.st_size, path);
}

}  // namespace dunetrace::plugin
