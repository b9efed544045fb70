#include "plugin/policy/private_copy.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/evp.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "core/hash.hpp"

namespace dunetrace::plugin::policy {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kChunk = 256 * 1024;
constexpr std::size_t kMostBytes = 64 * 1024 * 1024;  // as path_policy allows; a file may grow while it is read
constexpr int kTries = 5;                             // against a cleaner of another process
constexpr std::string_view kDraft = ".new-";

std::string reason() { return std::strerror(errno); }  // NOLINT(concurrency-mt-unsafe): glibc's is safe

class Digest {
 public:
  Digest() : context_(EVP_MD_CTX_new()) {
    DUNE_CHECK(context_ && EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1, "OpenSSL has no SHA-256");
  }
  void add(std::string_view bytes) {
    DUNE_CHECK(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1, "SHA-256 failed");
  }
  std::string hex() {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    DUNE_CHECK(EVP_DigestFinal_ex(context_.get(), digest, &length) == 1, "SHA-256 failed");
    return to_hex({reinterpret_cast<const char*>(digest), length});
  }

 private:
  struct Free {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  };
  std::unique_ptr<EVP_MD_CTX, Free> context_;
};

// Reads all of `from` from its beginning; each piece is hashed and, with `to`, written.
Result<std::string> hash_and_copy(int from, std::optional<int> to, const std::string& name) {
  std::vector<char> buffer(kChunk);
  Digest digest;
  std::size_t at = 0;
  for (;;) {
    const auto got = ::pread(from, buffer.data(), buffer.size(), static_cast<off_t>(at));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(Code::denied, name + ": " + reason());
    if (got == 0) return digest.hex();
    const auto count = static_cast<std::size_t>(got);
    at += count;
    if (at > kMostBytes) return fail(Code::denied, name + ": is larger than 64 MB");
    digest.add({buffer.data(), count});
    for (std::size_t done = 0; to && done < count;) {
      const auto put = ::write(*to, buffer.data() + done, count - done);
      if (put < 0 && errno != EINTR) return fail(Code::internal, name + " cannot be copied: " + reason());
      if (put > 0) done += static_cast<std::size_t>(put);
    }
  }
}

// Whether `name` still leads to the file that `fd` has open.
bool same_file(int directory, const std::string& name, int fd) {
  struct stat a {
  }, b{};
  return ::fstat(fd, &a) == 0 && ::fstatat(directory, name.c_str(), &b, AT_SYMLINK_NOFOLLOW) == 0 &&
         a.st_ino == b.st_ino && a.st_dev == b.st_dev;
}

// A draft that goes unless it was given its final name.
class Draft {
 public:
  explicit Draft(int directory) : directory_(directory) {
    static std::atomic<unsigned> counter{0};
    name_ = fmt::format("{}{}-{}", kDraft, ::getpid(), counter.fetch_add(1));
    ::unlinkat(directory_, name_.c_str(), 0);
    fd_ = Fd(::openat(directory_, name_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (fd_) ::flock(fd_.get(), LOCK_SH | LOCK_NB);
  }
  ~Draft() {
    if (!name_.empty()) ::unlinkat(directory_, name_.c_str(), 0);
  }
  Draft(const Draft&) = delete;
  Draft& operator=(const Draft&) = delete;

  [[nodiscard]] const Fd& fd() const { return fd_; }
  bool rename(const std::string& name) {
    if (::renameat(directory_, name_.c_str(), directory_, name.c_str()) != 0) return false;
    name_.clear();
    return true;
  }

 private:
  int directory_;
  std::string name_;
  Fd fd_;
};

// A new directory of this user alone from which code can be loaded.
Result<Directory> make_under(const fs::path& above) {
  struct statvfs system {};
  if (::statvfs(above.c_str(), &system) != 0) return fail(Code::denied, above.string() + ": " + reason());
  if ((system.f_flag & ST_NOEXEC) != 0) {
    return fail(Code::denied, above.string() + ": is mounted noexec, so no plugin can be loaded from it");
  }
  auto path = (above / "dunetrace-plugins-XXXXXX").string();
  if (::mkdtemp(path.data()) == nullptr) return fail(Code::denied, path + ": " + reason());
  auto directory = open_directory(path);
  if (!directory) ::rmdir(path.c_str());
  return directory;
}

}  // namespace

Result<std::string> hash_of(const OpenFile& file) {
  return hash_and_copy(file.fd.get(), std::nullopt, file.path.string());
}

Result<std::shared_ptr<const PrivateDirectory>> PrivateDirectory::open(const fs::path& path) {
  const auto refused = [&](std::string_view why) {
    return fail(Code::denied, fmt::format("{}: {} (the host keeps copies of its plugins there)", path.string(), why));
  };
  std::error_code error;
  fs::create_directories(path.parent_path(), error);
  if (error) return refused(error.message());
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return refused(reason());
  DUNE_TRY(directory, open_directory(path));
  struct stat info {};
  if (::fstat(directory.fd.get(), &info) != 0) return refused(reason());
  if (info.st_uid != ::geteuid()) {
    return refused(fmt::format("belongs to user {}, expected user {}", info.st_uid, ::geteuid()));
  }
  if ((info.st_mode & 0077) != 0 && ::fchmod(directory.fd.get(), 0700) != 0) return refused(reason());
  return std::shared_ptr<const PrivateDirectory>(new PrivateDirectory(std::move(directory), false));
}

Result<std::shared_ptr<const PrivateDirectory>> PrivateDirectory::temporary() {
  std::error_code error;
  const auto named = fs::temp_directory_path(error);
  std::string refused;
  for (const auto& above : {error ? fs::path("/tmp") : named, fs::path("/tmp"), fs::path("/run")}) {
    auto directory = make_under(above);
    if (directory) return std::shared_ptr<const PrivateDirectory>(new PrivateDirectory(std::move(*directory), true));
    if (refused.empty()) refused = std::move(directory).error().text;
  }
  return fail(Code::denied, std::move(refused));
}

PrivateDirectory::~PrivateDirectory() {
  if (!temporary_) return;
  std::error_code ignored;
  fs::remove_all(directory_.path, ignored);
}

// The copy of that name when its bytes are what the name says.
Result<std::optional<Copy>> PrivateDirectory::existing(const std::string& sha256) const {
  const auto name = sha256 + ".so";
  Fd fd(::openat(directory_.fd.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  struct stat info {};
  if (!fd || ::fstat(fd.get(), &info) != 0) return std::optional<Copy>();
  if (!S_ISREG(info.st_mode) || info.st_uid != ::geteuid()) return std::optional<Copy>();
  // First held, then looked at: from here on no cleaner takes it away.
  if (::flock(fd.get(), LOCK_SH | LOCK_NB) != 0 || !same_file(directory_.fd.get(), name, fd.get())) {
    return std::optional<Copy>();
  }
  DUNE_TRY(found, hash_and_copy(fd.get(), std::nullopt, (directory_.path / name).string()));
  if (found != sha256) return std::optional<Copy>();
  if ((info.st_mode & 0777) != 0444) ::fchmod(fd.get(), 0444);
  auto hold = std::make_shared<const Hold>(Hold{std::move(fd), shared_from_this()});
  return std::optional(Copy{sha256, directory_.path / name, std::move(hold)});
}

// Copies and gives the final name; the SHA-256 of what was read. Nothing is kept when it is not `expected`.
Result<std::string> PrivateDirectory::copy_in(const OpenFile& source,
                                              const std::optional<std::string>& expected) const {
  const auto broken = [&] {
    return fail(Code::internal,
                fmt::format("{} cannot be copied to {}: {}", source.path.string(), directory_.path.string(), reason()));
  };
  Draft draft(directory_.fd.get());
  if (!draft.fd()) return broken();
  DUNE_TRY(sha256, hash_and_copy(source.fd.get(), draft.fd().get(), source.path.string()));
  if (expected && *expected != sha256) return sha256;
  DUNE_TRY_VOID(check_elf(draft.fd().get(), source.path));
  if (::fchmod(draft.fd().get(), 0444) != 0) return broken();
  if (!temporary_ && ::fsync(draft.fd().get()) != 0) return broken();
  if (!draft.rename(sha256 + ".so")) return errno == ENOENT ? Result<std::string>(sha256) : broken();
  if (!temporary_ && ::fsync(directory_.fd.get()) != 0) return broken();
  return sha256;
}

Result<Copy> PrivateDirectory::place(const OpenFile& source, const std::optional<std::string>& expected) const {
  for (int i = 0; i < kTries; ++i) {
    DUNE_TRY(known, hash_and_copy(source.fd.get(), std::nullopt, source.path.string()));
    if (expected && known != *expected) return Copy{known, {}, nullptr};
    DUNE_TRY(there, existing(known));
    if (there) return std::move(*there);
    DUNE_TRY(copied, copy_in(source, expected));
    if (expected && copied != *expected) return Copy{copied, {}, nullptr};
    DUNE_TRY(made, existing(copied));
    if (made) return std::move(*made);
  }
  return fail(Code::unavailable, fmt::format("{}: its copy in {} does not stay there; does another program change it?",
                                             source.path.string(), directory_.path.string()));
}

void PrivateDirectory::remove_unused() const {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(directory_.path, error)) {
    const auto name = entry.path().filename().string();
    if (!name.ends_with(".so") && !name.starts_with(kDraft)) continue;
    const Fd fd(::openat(directory_.fd.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (fd && ::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) continue;  // somebody's
    ::unlinkat(directory_.fd.get(), name.c_str(), 0);
  }
}

}  // namespace dunetrace::plugin::policy
