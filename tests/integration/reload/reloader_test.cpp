// Real files change under a running Reloader.
#include "fixture.hpp"

namespace dunetrace::cli {
namespace {

namespace fs = std::filesystem;
using testing::wait_until;
using testing::write_file;

TEST_F(ReloadTest, AChangeIsPutInForceAndTold) {
  start();
  const auto before = live_->current();
  EXPECT_FALSE(live_->reload_state().at);
  write(with_threshold(4));
  ASSERT_TRUE(attempts("ok", 1)) << log_.text();
  EXPECT_EQ(threshold(), 4);
  EXPECT_TRUE(wait_until([&] { return taken_over_ == 1; }));
  EXPECT_TRUE(log_.contains("detectors.reloaded"));
  EXPECT_TRUE(log_.contains("tool_loop.threshold 3 -> 4 (default)")) << log_.text();
  const auto state = live_->reload_state();
  EXPECT_EQ(state.generation, 2U);
  EXPECT_TRUE(state.ok);
  EXPECT_EQ(state.at, clock_.unix_seconds());
  EXPECT_EQ(state.file, file_);
  EXPECT_EQ(metrics_.gauge("dunetrace_generation", "").value(), 2);
  EXPECT_EQ(before->number, 1U);  // whoever works with it goes on doing so
}

TEST_F(ReloadTest, ABadChangeLeavesTheOldStateAndSaysWhy) {
  start();
  write("default:\n  tool_loop: {treshold: 4}\n");
  ASSERT_TRUE(attempts("failed", 1)) << log_.text();
  EXPECT_EQ(live_->current()->number, 1U);
  EXPECT_EQ(threshold(), 3);
  const auto state = live_->reload_state();
  EXPECT_FALSE(state.ok);
  EXPECT_NE(state.error.find("detectors.yml:2:15: unknown key 'treshold'"), std::string::npos) << state.error;
  EXPECT_EQ(state.generation, 1U);
  EXPECT_EQ(metrics_.gauge("dunetrace_reload_ok", "").value(), 0);
  EXPECT_EQ(taken_over_, 0);

  write(with_threshold(5));
  ASSERT_TRUE(attempts("ok", 1));
  EXPECT_EQ(threshold(), 5);
  EXPECT_TRUE(live_->reload_state().ok);
  EXPECT_EQ(metrics_.gauge("dunetrace_reload_ok", "").value(), 1);
}

TEST_F(ReloadTest, ABadChangeIsToldOncePerContent) {
  start();
  const std::string bad = "default:\n  tool_lop: {}\n";
  write(bad);
  ASSERT_TRUE(attempts("failed", 1));
  write(bad);  // saved again
  ASSERT_TRUE(attempts("failed", 2));
  EXPECT_EQ(logged("detectors.reload_failed"), 1) << log_.text();
  write(bad + "# not better\n");
  ASSERT_TRUE(attempts("failed", 3));
  EXPECT_EQ(logged("detectors.reload_failed"), 2);
}

TEST_F(ReloadTest, TakingABadChangeBackNeedsNoNewGeneration) {
  start();
  write("no");
  ASSERT_TRUE(attempts("failed", 1));
  write(with_threshold(3));
  ASSERT_TRUE(attempts("unchanged", 1));
  EXPECT_TRUE(live_->reload_state().ok);
  EXPECT_EQ(live_->current()->number, 1U);
  EXPECT_EQ(logged("detectors.restored"), 1);
}

TEST_F(ReloadTest, AFileThatGoesIsABadChange) {
  start();
  fs::remove(file_);
  ASSERT_TRUE(attempts("failed", 1));
  EXPECT_NE(live_->reload_state().error.find("no such file"), std::string::npos) << live_->reload_state().error;
  write(with_threshold(6));
  ASSERT_TRUE(attempts("ok", 1));
  EXPECT_EQ(threshold(), 6);
}

TEST_F(ReloadTest, WhatChangesWhileItIsReadIsReadAgain) {
  std::atomic<int> loads = 0;
  start([&](Reloader::Options& options) {
    options.load = [&](const plugin::Generation&) {
      auto loaded = load();
      if (loads++ == 1) write(with_threshold(8));  // the first is of what lay there at the start
      return loaded;
    };
  });
  ASSERT_TRUE(wait_until([&] { return loads >= 1; }));
  write(with_threshold(7));
  ASSERT_TRUE(attempts("ok", 1)) << log_.text();
  EXPECT_EQ(threshold(), 8);
  EXPECT_FALSE(log_.contains("3 -> 7")) << log_.text();
}

TEST_F(ReloadTest, WhatChangedBetweenLoadingAndWatchingIsFound) {
  ASSERT_NO_FATAL_FAILURE(begin());
  write(with_threshold(4));
  start();
  ASSERT_TRUE(attempts("ok", 1));
  EXPECT_EQ(threshold(), 4);
}

TEST_F(ReloadTest, AFileBehindASymbolicLinkMayBeSwapped) {
  write_file(dir_ / "one/detectors.yml", with_threshold(4));
  write_file(dir_ / "two/detectors.yml", with_threshold(5));
  fs::remove(file_);
  fs::create_directory_symlink(dir_ / "one", dir_ / "data");
  fs::create_symlink(dir_ / "data/detectors.yml", file_);
  start();
  fs::create_directory_symlink(dir_ / "two", dir_ / "data.new");
  fs::rename(dir_ / "data.new", dir_ / "data");
  ASSERT_TRUE(attempts("ok", 1)) << log_.text();
  EXPECT_EQ(threshold(), 5);
}

TEST_F(ReloadTest, PluginsComeAndGo) {
  write(with_threshold(3) + "plugins: {directories: [" + (dir_ / "more").string() + "]}\n");
  fs::create_directories(dir_ / "more");
  start();
  add_plugin(dir_ / "more", "retry_storm");
  ASSERT_TRUE(attempts("ok", 1)) << log_.text();
  EXPECT_NE(live_->current()->registry.find("retry_storm"), nullptr);
  EXPECT_TRUE(log_.contains("retry_storm.so added")) << log_.text();
  write_file(dir_ / "more/broken.draft", "no library");
  fs::rename(dir_ / "more/broken.draft", dir_ / "more/broken.so");
  ASSERT_TRUE(attempts("failed", 1));
  EXPECT_NE(live_->reload_state().error.find("broken.so"), std::string::npos) << live_->reload_state().error;
  fs::remove(dir_ / "more/broken.so");
  ASSERT_TRUE(attempts("unchanged", 1));
  fs::remove(dir_ / "more/retry_storm.so");
  ASSERT_TRUE(attempts("ok", 2));
  EXPECT_EQ(live_->current()->registry.find("retry_storm"), nullptr);
}

TEST_F(ReloadTest, ADirectoryThatABadFileNamedIsWatchedToo) {
  start();
  const auto text =
      with_threshold(4) + "  retry_storm: {threshold: 5}\nplugins: {directories: [" + (dir_ / "more").string() + "]}\n";
  write(text);  // neither the directory nor the detector is there yet
  ASSERT_TRUE(attempts("failed", 1));
  add_plugin(dir_ / "more.draft", "retry_storm");
  fs::rename(dir_ / "more.draft", dir_ / "more");
  ASSERT_TRUE(attempts("ok", 1)) << log_.text();
  EXPECT_EQ(threshold(), 4);
}

TEST_F(ReloadTest, ADetectorThatCannotBeMadeIsABadChange) {
  start([](Reloader::Options& options) {
    options.try_out = [](const plugin::Generation&, const plugin::Generation&) -> Result<> {
      return fail(Code::internal, "it crashed");
    };
  });
  write(with_threshold(4));
  ASSERT_TRUE(attempts("failed", 1));
  EXPECT_EQ(live_->reload_state().error, "it crashed");
  EXPECT_EQ(threshold(), 3);
}

TEST_F(ReloadTest, ARefusedChangeIsTriedAgainAfterAWhile) {
  std::atomic<bool> full = false;
  start([&](Reloader::Options& options) {
    options.load = [&](const plugin::Generation&) -> Result<plugin::Generation> {
      if (full) return fail(Code::unavailable, "no space left on device");
      return load();
    };
  });
  full = true;
  write(with_threshold(4));
  ASSERT_TRUE(attempts("failed", 1));
  clock_.advance(std::chrono::seconds(31));
  ASSERT_TRUE(attempts("failed", 2));
  EXPECT_EQ(logged("detectors.reload_failed"), 1);
  full = false;
  clock_.advance(std::chrono::seconds(31));
  ASSERT_TRUE(attempts("ok", 1));
  EXPECT_EQ(threshold(), 4);
}

// The machine has no room for a runner, and later it has.
TEST_F(ReloadTest, ALibraryThatIsLeftOutIsTriedAgainWithGrowingPauses) {
  using std::chrono::seconds;
  const auto other = dir_ / "other";
  add_plugin(other, "retry_storm");
  write("plugins: {directories: [" + other.string() + "]}\n");
  std::atomic<bool> room = false;
  std::atomic<int> loads = 0;
  const auto load = [&]() -> Result<plugin::Generation> {
    ++loads;
    plugin::LoadOptions options;
    options.own = own_;
    options.others = {other};
    options.private_dir = dir_ / "data";
    options.unlocked = true;
    options.runner.log = &log_.logger();
    options.runner.executable = room ? std::filesystem::path(DUNE_BINARY_DIR) / "tests/dunetrace_runner" : "/bin/true";
    DUNE_TRY(parsed, config::DetectorsFile::load(file_));
    DUNE_TRY(registry, plugin::Registry::load(options, log_.logger()));
    DUNE_TRY(config, parsed.resolve(registry.schemas(), {}));
    return plugin::Generation{std::move(registry), std::move(config), file_};
  };
  auto first = load();
  ASSERT_TRUE(first) << first.error().text;
  ASSERT_TRUE(first->registry.incomplete());
  live_ = std::make_unique<plugin::Live>(std::make_shared<const plugin::Generation>(std::move(*first)));
  start([&](Reloader::Options& options) {
    options.load = [&](const plugin::Generation&) { return load(); };
    options.retry = seconds(30);
  });
  ASSERT_TRUE(wait_until([&] { return loads == 2; })) << "what the start loaded is compared with the disk";
  clock_.advance(seconds(30));
  ASSERT_TRUE(attempts("unchanged", 1)) << log_.text();
  room = true;
  clock_.advance(seconds(59));
  for (int looks = 0; looks < 3; ++looks) {
    const auto seen = looks_.load();
    ASSERT_TRUE(wait_until([&] { return looks_ > seen; }));
  }
  EXPECT_EQ(loads, 3) << "the pauses grow";
  clock_.advance(seconds(1));
  ASSERT_TRUE(attempts("ok", 1)) << log_.text();
  EXPECT_NE(live_->current()->registry.find("retry_storm"), nullptr);
  EXPECT_FALSE(live_->current()->registry.incomplete());
}

TEST_F(ReloadTest, AnExceptionIsARefusal) {
  std::atomic<bool> armed = false;
  start([&](Reloader::Options& options) {
    options.load = [&](const plugin::Generation&) -> Result<plugin::Generation> {
      if (armed.exchange(false)) throw std::bad_alloc();
      return load();
    };
  });
  armed = true;
  write(with_threshold(4));
  ASSERT_TRUE(attempts("failed", 1));
  clock_.advance(std::chrono::seconds(31));
  ASSERT_TRUE(attempts("ok", 1));
}

}  // namespace
}  // namespace dunetrace::cli
