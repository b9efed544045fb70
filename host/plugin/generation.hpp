// What is in force: the plugins and the configuration that was resolved against them. Immutable; a reload makes the
// next one. Whoever works with one keeps its pointer until the work is done, so an old generation ends with its last
// user.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
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

// The generation in force. Thread-safe.
class Live {
 public:
  explicit Live(std::shared_ptr<const Generation> first) : current_(std::move(first)) {}

  [[nodiscard]] std::shared_ptr<const Generation> current() const {
    const std::lock_guard lock(mutex_);
    return current_;
  }
  void replace(std::shared_ptr<const Generation> next) {
    const std::lock_guard lock(mutex_);
    current_.swap(next);
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const Generation> current_;
};

}  // namespace dunetrace::plugin
