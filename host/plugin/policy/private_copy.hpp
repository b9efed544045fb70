// Where libraries are loaded from: a directory of the host's own, in which a file's name is the SHA-256 of its bytes
// (plugin-abi.md 18, check 5). The bytes that were checked are the bytes that are mapped. Any thread; several processes
// may share a directory.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/result.hpp"
#include "plugin/path_policy.hpp"

namespace dunetrace::plugin::policy {

class PrivateDirectory;

// Keeps one copy from being removed, also by other processes.
struct Hold {
  Fd file;  // with a shared flock
  std::shared_ptr<const PrivateDirectory> directory;
};

struct Copy {
  std::string sha256;          // of the bytes that were read
  std::filesystem::path file;  // the copy; empty when it was not made, because other bytes were expected
  std::shared_ptr<const Hold> hold;
};

// Of all bytes of that file, in lower-case hex.
[[nodiscard]] Result<std::string> hash_of(const OpenFile& file);

class PrivateDirectory : public std::enable_shared_from_this<PrivateDirectory> {
 public:
  // Made when it is not there; for this user alone. The directories above are checked like those of plugins.
  [[nodiscard]] static Result<std::shared_ptr<const PrivateDirectory>> open(const std::filesystem::path& path);
  // Goes with its last user. For tools, and where the data directory is none to keep copies in.
  [[nodiscard]] static Result<std::shared_ptr<const PrivateDirectory>> temporary();
  ~PrivateDirectory();
  PrivateDirectory(const PrivateDirectory&) = delete;
  PrivateDirectory& operator=(const PrivateDirectory&) = delete;

  // The bytes of `source` as <sha256>.so, hashed while they are copied. With `expected`, a file of other bytes is not
  // kept. A copy that is there already is read and hashed again before it is used.
  [[nodiscard]] Result<Copy> place(const OpenFile& source, const std::optional<std::string>& expected) const;
  // Removes every copy that no Hold of any process keeps.
  void remove_unused() const;

  [[nodiscard]] const std::filesystem::path& path() const { return directory_.path; }

 private:
  PrivateDirectory(Directory directory, bool temporary) : directory_(std::move(directory)), temporary_(temporary) {}
  [[nodiscard]] Result<std::optional<Copy>> existing(const std::string& sha256) const;
  [[nodiscard]] Result<std::string> copy_in(const OpenFile& source, const std::optional<std::string>& expected) const;

  Directory directory_;
  bool temporary_;
};

}  // namespace dunetrace::plugin::policy
