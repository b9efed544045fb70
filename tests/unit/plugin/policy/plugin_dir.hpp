// A directory of plugins for tests, with the lock file that fits them unless a test bends it.
#pragma once

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "core/hash.hpp"
#include "plugin/policy/lock_file.hpp"
#include "plugin/registry.hpp"
#include "testing/temp_dir.hpp"

namespace dunetrace::plugin {

class PluginDir {
 public:
  explicit PluginDir(std::filesystem::path path) : path_(std::move(path)) {
    std::filesystem::create_directories(path_);
    std::filesystem::permissions(path_, std::filesystem::perms(0755));
  }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

  // The detector `id` of this repository as `file`; not listed.
  void put(const std::string& id, const std::string& file) const {
    const auto to = path_ / file;
    std::filesystem::remove(to);
    std::filesystem::copy_file(std::filesystem::path(DUNE_BINARY_DIR) / "lib/dunetrace/plugins" / (id + ".so"), to);
    ::chmod(to.c_str(), 0644);
  }
  void add(const std::string& id, Mode mode = Mode::in_process) {
    put(id, id + ".so");
    list(id, id + ".so", mode);
  }
  // Lists the file as it is now.
  void list(const std::string& id, const std::string& file, Mode mode = Mode::in_process) {
    policy::LockEntry entry{sha256_of(file), "dunetrace." + id, "1.0.0", {{id, "detector"}}, mode};
    lock.entries[file] = entry;
    write_lock();
  }
  // Other bytes that are the same library.
  void change(const std::string& file) const {
    std::ofstream(path_ / file, std::ios::app | std::ios::binary) << "more";
  }
  void write_lock() const { testing::write_file(path_ / policy::kLockName, lock.text()); }
  [[nodiscard]] std::string sha256_of(const std::string& file) const {
    return sha256_hex(testing::read_file(path_ / file));
  }

  policy::LockFile lock;

 private:
  std::filesystem::path path_;
};

}  // namespace dunetrace::plugin
