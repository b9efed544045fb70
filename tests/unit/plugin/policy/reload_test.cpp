// Loading again while a generation is in force: what is taken over, what is kept back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "plugin/registry.hpp"
#include "plugin_dir.hpp"
#include "testing/test_log.hpp"

namespace dunetrace::plugin {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class LoadAgain : public ::testing::Test {
 protected:
  LoadAgain() : own_(dir_ / "own") { own_.add("tool_loop"); }
  Result<Registry> load(const Registry* previous) {
    LoadOptions options;
    options.own = own_.path();
    options.private_dir = dir_ / "copies";
    options.previous = previous;
    return Registry::load(options, log_.logger());
  }
  static std::size_t descriptors() {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {}));
  }

  testing::TempDir dir_;
  testing::TestLog log_;
  PluginDir own_;
};

TEST_F(LoadAgain, TakesOverWhatHasNotChanged) {
  const auto first = load(nullptr);
  ASSERT_TRUE(first) << first.error().text;
  // Its copy is not even looked at: a library that is mapped stays what it is.
  testing::TestLog log;
  std::filesystem::remove(first->libraries()[0].file);
  own_.add("slow_step");
  const auto second = load(&*first);
  ASSERT_TRUE(second) << second.error().text;
  EXPECT_EQ(second->libraries().size(), 2U);
  EXPECT_EQ(second->find("tool_loop")->component->vtable, first->find("tool_loop")->component->vtable);
  EXPECT_EQ(second->find("tool_loop")->library->file, first->libraries()[0].file);
  EXPECT_TRUE(second->notices().empty());
}

TEST_F(LoadAgain, KnowsAFileThatWasWrittenAgainWithTheSameBytes) {
  const auto first = load(nullptr);
  own_.put("tool_loop", "tool_loop.so");
  const auto second = load(&*first);
  ASSERT_TRUE(second) << second.error().text;
  EXPECT_EQ(second->find("tool_loop")->component->vtable, first->find("tool_loop")->component->vtable);
}

TEST_F(LoadAgain, KeepsInProcessCodeUntilARestart) {
  const auto first = load(nullptr);
  const auto before = own_.sha256_of("tool_loop.so");
  own_.change("tool_loop.so");
  EXPECT_THAT(load(&*first).error().text, HasSubstr("has sha256")) << "not listed yet";
  own_.list("tool_loop", "tool_loop.so");
  const auto second = load(&*first);
  ASSERT_TRUE(second) << second.error().text;
  EXPECT_EQ(second->libraries()[0].sha256, before);
  EXPECT_THAT(second->notices(), ElementsAre(HasSubstr("takes effect after a restart")));
  const auto third = load(&*second);
  ASSERT_TRUE(third) << third.error().text;
  EXPECT_EQ(third->notices().size(), 1U) << "still so";
  own_.add("tool_loop");
  EXPECT_TRUE(load(&*third)->notices().empty()) << "what is mapped lies there again";
  own_.change("tool_loop.so");
  own_.list("tool_loop", "tool_loop.so");
  EXPECT_EQ(load(nullptr)->libraries()[0].sha256, own_.sha256_of("tool_loop.so")) << "a restart";
}

TEST_F(LoadAgain, LosesNoDescriptors) {
  auto now = std::make_shared<const Registry>(std::move(*load(nullptr)));
  const auto before = descriptors();
  for (int i = 0; i < 50; ++i) {
    if (i % 2 == 0) own_.add("slow_step");
    if (i % 2 == 1) {
      std::filesystem::remove(own_ / "slow_step.so");
      own_.lock.entries.erase("slow_step.so");
      own_.write_lock();
    }
    now = std::make_shared<const Registry>(std::move(*load(now.get())));
  }
  EXPECT_EQ(descriptors(), before);
}

}  // namespace
}  // namespace dunetrace::plugin
