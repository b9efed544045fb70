// A detectors.yml and plugin directories of a test's own, loaded for real, with a Reloader that looks every few
// milliseconds. The libraries are copies of the host's own detectors.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "cli/reloader.hpp"
#include "testing/fake_clock.hpp"
#include "testing/temp_dir.hpp"
#include "testing/test_log.hpp"
#include "testing/wait.hpp"

namespace dunetrace::cli {

// What is in the file of most tests; `threshold` tells one from another.
[[nodiscard]] std::string with_threshold(int threshold);

class ReloadTest : public ::testing::Test {
 protected:
  ReloadTest();

  // Writes detectors.yml in one go, as good editors do.
  void write(std::string_view text) const;
  // A detector of the host as a file in `directory`.
  static void add_plugin(const std::filesystem::path& directory, std::string_view name);
  [[nodiscard]] Result<plugin::Generation> load();
  // Loads what lies there and puts it in force, without a Reloader.
  void begin();
  void start(std::function<void(Reloader::Options&)> adjust = {});
  // Waits until so many attempts have had this outcome ("ok", "failed", "unchanged").
  [[nodiscard]] bool attempts(std::string_view outcome, unsigned count);
  [[nodiscard]] bool generation(std::uint64_t number);
  // The default threshold of tool_loop in force.
  [[nodiscard]] std::int64_t threshold() const;
  [[nodiscard]] int logged(std::string_view event);

  testing::TempDir dir_;
  testing::TestLog log_;
  telemetry::Metrics metrics_;
  testing::FakeClock clock_;
  const std::filesystem::path file_ = dir_ / "detectors.yml";
  const std::filesystem::path own_ = dir_ / "own";
  std::atomic<int> taken_over_ = 0;
  std::atomic<unsigned> looks_ = 0;  // of the reloader at the disk
  std::unique_ptr<plugin::Live> live_;
  std::unique_ptr<Reloader> reloader_;
};

}  // namespace dunetrace::cli
