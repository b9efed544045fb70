// Two hundred reloads leave nothing behind: no generation, no descriptor, no memory.
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "fixture.hpp"

namespace dunetrace::cli {
namespace {

std::size_t open_descriptors() {
  const std::filesystem::directory_iterator entries("/proc/self/fd");
  return static_cast<std::size_t>(std::distance(begin(entries), end(entries)));
}

std::size_t resident_bytes() {
  std::ifstream in("/proc/self/statm");
  std::size_t total = 0;
  std::size_t resident = 0;
  in >> total >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

constexpr int kWarmUp = 20;
constexpr int kReloads = 200;
constexpr std::size_t kMoreBytes = 8 * 1024 * 1024;  // a generation that stayed is some 100 KB

TEST_F(ReloadTest, TwoHundredReloadsLeaveNothingBehind) {
  start();
  std::vector<std::weak_ptr<const plugin::Generation>> seen;
  std::size_t descriptors = 0;
  std::size_t bytes = 0;
  unsigned bad = 0;
  for (int n = 1; n <= kReloads; ++n) {
    if (n % 5 == 0) {
      write("default: {tool_loop: {threshold: " + std::to_string(-n) + "}}\n");
      ASSERT_TRUE(attempts("failed", ++bad)) << n;
    }
    seen.push_back(live_->current());
    write(with_threshold(3 + n % 5));
    ASSERT_TRUE(attempts("ok", static_cast<unsigned>(n))) << n;
    if (n == kWarmUp) {
      descriptors = open_descriptors();
      bytes = resident_bytes();
    }
  }
  EXPECT_EQ(live_->current()->number, static_cast<std::uint64_t>(kReloads) + 1);
  EXPECT_TRUE(testing::wait_until([&] { return taken_over_ == kReloads; }));
  // The reloader may still hold the last one while it returns, and opens directories when it looks again.
  EXPECT_TRUE(testing::wait_until(
      [&] { return std::ranges::all_of(seen, [](const auto& generation) { return generation.expired(); }); }));
  EXPECT_TRUE(testing::wait_until([&] { return open_descriptors() <= descriptors; })) << open_descriptors();
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // they keep what was freed
  EXPECT_LT(resident_bytes(), bytes + kMoreBytes);
#else
  static_cast<void>(bytes);
#endif
}

}  // namespace
}  // namespace dunetrace::cli
