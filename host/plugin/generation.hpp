// What is in force: the plugins and the configuration that was resolved against them. Immutable; a reload makes the
// next one. Whoever works with one keeps its pointer until the work is done, so an old generation ends with its last
// user.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "config/detectors_file.hpp"
#include "plugin/registry.hpp"

namespace dunetrace::plugin {

struct Generation {
  Registry registry;
  config::DetectorsConfig config;  // resolved against registry.schemas()
  std::filesystem::path file;      // the detectors.yml that was read
  std::uint64_t number = 1;        // counts up with every reload
};

// How taking over what changed on disk went.
struct ReloadState {
  std::uint64_t generation = 1;  // in force
  std::optional<double> at;      // Unix time of the last attempt; nothing: no change since the start
  bool ok = true;                // false: what lies on disk is refused, and what was in force before still is
  std::string error;             // why
  std::filesystem::path file;    // the detectors.yml that is in force and watched
};

// The generation in force. Thread-safe.
class Live {
 public:
  explicit Live(std::shared_ptr<const Generation> first) : current_(std::move(first)) {}

  [[nodiscard]] std::shared_ptr<const Generation> current() const {
    const std::lock_guard lock(mutex_);
    return current_;
  }
  // `at`: the Unix time of the reload that made it.
  void replace(std::shared_ptr<const Generation> next, std::optional<double> at = {}) {
    const std::lock_guard lock(mutex_);
    current_.swap(next);  // the old one may end with `next`, after the lock
    if (!at) return;
    at_ = at;
    error_.clear();
  }

  [[nodiscard]] ReloadState reload_state() const {
    const std::lock_guard lock(mutex_);
    return {current_->number, at_, error_.empty(), error_, current_->file};
  }
  // An attempt at `at` that replaced nothing: why it was refused; empty when what lies on disk is in force already.
  void kept(double at, std::string error) {
    const std::lock_guard lock(mutex_);
    at_ = at;
    error_ = std::move(error);
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const Generation> current_;
  std::optional<double> at_;
  std::string error_;
};

}  // namespace dunetrace::plugin
