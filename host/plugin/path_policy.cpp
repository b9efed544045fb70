#include "plugin/path_policy.hpp"

#include <dirent.h>
#include <elf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

namespace dunetrace::plugin {
namespace {

constexpr off_t kMaxFileBytes = 64 * 1024 * 1024;

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

// The user as people know it, or the number of one without an account.
std::string name_of(uid_t user) {
  std::vector<char> buffer(16 * 1024);
  passwd entry{};
  passwd* found = nullptr;
  const bool known = ::getpwuid_r(user, &entry, buffer.data(), buffer.size(), &found) == 0 && found != nullptr;
  return known ? found->pw_name : std::to_string(user);
}

// In a sticky directory (/tmp) others may make files, but cannot replace those of its owner: good enough on the way to
// a plugin directory, and not for that directory itself.
Result<> check_owner(const struct stat& info, const std::string& path, bool on_the_way = false) {
  if (!trusted_owner(info.st_uid)) {
    const auto self = name_of(::geteuid());
    return fail(Code::denied,
                fmt::format("{}: belongs to user {}, who could put other code there; expected root{}; run: chown {} "
                            "'{}', or use another directory",
                            path, name_of(info.st_uid), ::geteuid() == 0 ? "" : " or " + self, self, path));
  }
  const bool sticky = on_the_way && S_ISDIR(info.st_mode) && (info.st_mode & S_ISVTX) != 0;
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

std::int64_t ns(const timespec& time) { return time.tv_sec * std::int64_t{1'000'000'000} + time.tv_nsec; }

// `name` from the directory `at`, under the rules for plugins; `path` is what errors call it.
Result<OpenFile> open_library_at(int at, const std::string& name, const std::filesystem::path& path) {
  const auto refuse = [&](std::string_view why) {
    return fail(Code::denied, fmt::format("{}: {}", path.string(), why));
  };
  OpenFile file{Fd(::openat(at, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)), path, {}};
  if (!file.fd) return refuse(errno == ELOOP ? "is a symbolic link, expected the file itself" : reason());
  struct stat info {};
  if (::fstat(file.fd.get(), &info) != 0) return refuse(reason());
  if (!S_ISREG(info.st_mode)) return refuse("is not a regular file");
  if ((info.st_mode & (S_ISUID | S_ISGID)) != 0) return refuse("has a setuid or setgid bit");
  if (info.st_size > kMaxFileBytes) return refuse("is larger than 64 MB");
  if (!is_library_name(path.filename().string())) return refuse("a plugin is named <name>.so or lib<name>.so");
  DUNE_TRY_VOID(check_owner(info, path.string()));
  file.identity = {info.st_dev, info.st_ino, info.st_size, ns(info.st_mtim), ns(info.st_ctim)};
  return file;
}

}  // namespace

Result<Directory> open_directory(const std::filesystem::path& directory) {
  if (!directory.is_absolute()) {
    return fail(Code::invalid_argument, fmt::format("{}: a plugin directory is an absolute path", directory.string()));
  }
  std::error_code error;
  const auto resolved = std::filesystem::canonical(directory, error);
  if (error) return fail(Code::not_found, fmt::format("{}: {}", directory.string(), error.message()));
  Fd at(::open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  std::filesystem::path done = "/";
  const auto look = [&](bool on_the_way) -> Result<> {
    struct stat info {};
    if (!at || ::fstat(at.get(), &info) != 0) return fail(Code::denied, done.string() + ": " + reason());
    return check_owner(info, done.string(), on_the_way);
  };
  DUNE_TRY_VOID(look(resolved.has_relative_path()));
  for (const auto& part : resolved.relative_path()) {
    at = Fd(::openat(at.get(), part.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    done /= part;
    DUNE_TRY_VOID(look(done != resolved));
  }
  return Directory{std::move(at), resolved};
}

Result<std::filesystem::path> check_directory(const std::filesystem::path& directory) {
  DUNE_TRY(opened, open_directory(directory));
  return opened.path;
}

Result<std::vector<std::string>> library_names(const Directory& directory) {
  const auto close = [](DIR* dir) { ::closedir(dir); };
  const std::unique_ptr<DIR, decltype(close)> dir(
      ::fdopendir(::openat(directory.fd.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)), close);
  if (!dir) return fail(Code::denied, directory.path.string() + ": " + reason());
  std::vector<std::string> names;
  while (const dirent* entry = ::readdir(dir.get())) {  // NOLINT(concurrency-mt-unsafe): a stream of our own
    const std::string_view name = entry->d_name;
    if (name.ends_with(".so") && !name.starts_with('.')) names.emplace_back(name);
  }
  std::ranges::sort(names);
  return names;
}

bool is_library_name(std::string_view name) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
           c == '+' || c == '-';
  };
  return name.ends_with(".so") && name.size() > 3 && name.size() <= 200 && name.front() != '.' && name.front() != '-' &&
         std::ranges::all_of(name, fits);
}

Result<OpenFile> open_library(const Directory& directory, const std::string& name) {
  return open_library_at(directory.fd.get(), name, directory.path / name);
}

Result<std::optional<std::string>> read_text(const Directory& directory, const std::string& name,
                                             std::size_t most_bytes) {
  const auto path = (directory.path / name).string();
  const Fd fd(::openat(directory.fd.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!fd && errno == ENOENT) return std::optional<std::string>();
  struct stat info {};
  if (!fd || ::fstat(fd.get(), &info) != 0) {
    return fail(Code::denied,
                path + ": " + (errno == ELOOP ? "is a symbolic link, expected the file itself" : reason()));
  }
  if (!S_ISREG(info.st_mode)) return fail(Code::denied, path + ": is not a regular file");
  DUNE_TRY_VOID(check_owner(info, path));
  std::string text(most_bytes + 1, '\0');
  std::size_t have = 0;
  while (have < text.size()) {
    const auto got = ::read(fd.get(), text.data() + have, text.size() - have);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(Code::denied, path + ": " + reason());
    if (got == 0) break;
    have += static_cast<std::size_t>(got);
  }
  if (have > most_bytes) return fail(Code::denied, fmt::format("{}: is larger than {} bytes", path, most_bytes));
  text.resize(have);
  return std::optional(std::move(text));
}

Result<> check_elf(int fd, const std::filesystem::path& path) {
  const auto broken = [&](std::string_view why) {
    return fail(Code::denied, fmt::format("{}: {}", path.string(), why));
  };
  struct stat info {};
  if (::fstat(fd, &info) != 0) return broken(reason());
  Elf64_Ehdr header{};
  if (!read_at(fd, header, 0) || std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0) return broken("is no ELF library");
  if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB || header.e_type != ET_DYN) {
    return broken("is no 64-bit little-endian shared library");
  }
  const auto bytes = static_cast<std::uint64_t>(info.st_size);
  if (header.e_phnum == 0 || header.e_phentsize != sizeof(Elf64_Phdr)) return broken("has no program headers");
  for (std::uint64_t i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr part{};
    if (header.e_phoff > bytes || !read_at(fd, part, header.e_phoff + i * sizeof part)) return broken("is cut off");
    if (part.p_offset > bytes || part.p_filesz > bytes - part.p_offset) return broken("is cut off; copy it again");
  }
  return {};
}

Result<> check_file(const std::filesystem::path& file) {
  DUNE_TRY(opened, open_library_at(AT_FDCWD, file.string(), file));
  return check_elf(opened.fd.get(), file);
}

}  // namespace dunetrace::plugin
