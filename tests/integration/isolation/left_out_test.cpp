// Listed libraries of others that crash, hang or give no answer before they judge anything: the host loads the rest.
#include <gtest/gtest.h>

#include "core/hash.hpp"
#include "plugin/conduct_memory.hpp"
#include "plugin/explain_guard.hpp"
#include "plugin/policy/lock_file.hpp"
#include "some_runs.hpp"
#include "testing/fake_clock.hpp"
#include "testing/temp_dir.hpp"

namespace dunetrace::testing {
namespace {

namespace fs = std::filesystem;

class LeftOutTest : public ::testing::Test {
 protected:
  LeftOutTest() {
    add(own_, shipped_plugins() / "tool_loop.so", "dunetrace.tool_loop", "tool_loop", plugin::Mode::in_process);
    add(other_, shipped_plugins() / "slow_step.so", "dunetrace.slow_step", "slow_step", plugin::Mode::isolated);
  }

  static void add(const fs::path& to, const fs::path& file, const std::string& id, const std::string& component,
                  plugin::Mode mode) {
    fs::create_directories(to);
    fs::permissions(to, fs::perms(0755));
    const auto name = file.filename().string();
    fs::copy_file(file, to / name, fs::copy_options::overwrite_existing);
    fs::permissions(to / name, fs::perms(0644));
    plugin::policy::LockFile lock;
    if (fs::exists(to / plugin::policy::kLockName))
      lock = plugin::policy::LockFile::parse(read_file(to / plugin::policy::kLockName), "lock").value();
    lock.entries[name] = {sha256_hex(read_file(to / name)), id, "1.0.0", {{component, "detector"}}, mode};
    write_file(to / plugin::policy::kLockName, lock.text());
  }
  void add_harm(const std::string& name) {
    add(other_, hostile_plugin(name), "example." + name, name, plugin::Mode::isolated);
  }

  Result<plugin::Registry> load(const plugin::Registry* previous = nullptr) {
    plugin::LoadOptions options;
    options.own = own_;
    options.others = {other_};
    options.private_dir = dir_ / "data";
    options.runner = runner_options(log_.logger());
    options.runner.load_limit = std::chrono::milliseconds(500);
    options.previous = previous;
    return plugin::Registry::load(options, log_.logger());
  }

  TempDir dir_;
  TestLog log_;
  const fs::path own_ = dir_ / "own", other_ = dir_ / "other";
};

TEST_F(LeftOutTest, TheRestIsLoadedAndTheFileOfSettingsIsNoMistake) {
  add_harm("crashing_constructor");
  add_harm("endless_constructor");
  const auto registry = load();
  ASSERT_TRUE(registry) << registry.error().text;
  EXPECT_EQ(registry->components().size(), 2U);
  ASSERT_EQ(registry->refusals().size(), 2U);
  EXPECT_TRUE(registry->refusals()[0].failed);
  EXPECT_NE(registry->refusals()[0].reason.find("crashed (SIGABRT) in being loaded"), std::string::npos);
  EXPECT_NE(registry->refusals()[1].reason.find("did not answer within 500 ms"), std::string::npos);
  EXPECT_TRUE(registry->incomplete());
  const auto file = config::DetectorsFile::parse(
      "default:\n  crashing_constructor: {whatever: 3}\n  endless_constructor: {enabled: true}\n", "f.yml");
  ASSERT_TRUE(file) << file.error().text;
  EXPECT_FALSE(file->resolve(registry->schemas(), {})) << "otherwise it is one";
  const auto config = file->resolve(registry->schemas(), {}, registry->not_loaded());
  ASSERT_TRUE(config) << config.error().text;
  ASSERT_EQ(config->warnings().size(), 2U);
  EXPECT_NE(config->warnings()[0].find("'crashing_constructor' in default is not loaded"), std::string::npos);
  EXPECT_EQ(config->profile_for("").detectors.size(), 2U) << "the others judge";
}

TEST_F(LeftOutTest, BytesThatAreNotListedStayFatal) {
  add_harm("crashing_constructor");
  write_file(other_ / "crashing_constructor.so", read_file(other_ / "crashing_constructor.so") + "more");
  const auto registry = load();
  ASSERT_FALSE(registry);
  EXPECT_NE(registry.error().text.find("sha256"), std::string::npos) << registry.error().text;
}

TEST_F(LeftOutTest, ALibraryThatTurnsBadStaysAsItWas) {
  const auto first = load();
  ASSERT_TRUE(first) << first.error().text;
  const auto harm = dir_ / "slow_step.so";
  fs::copy_file(hostile_plugin("crashing_constructor"), harm);
  add(other_, harm, "dunetrace.slow_step", "slow_step", plugin::Mode::isolated);
  const auto second = load(&*first);
  ASSERT_TRUE(second) << second.error().text;
  ASSERT_EQ(second->libraries().size(), 2U);
  EXPECT_EQ(second->libraries()[1].sha256, first->libraries()[1].sha256);
  ASSERT_EQ(second->notices().size(), 1U);
  EXPECT_NE(second->notices()[0].find("the old one stays in force"), std::string::npos);
}

class ExplainGuardTest : public ::testing::Test {
 protected:
  plugin::Library library() {
    auto options = runner_options(log_.logger());
    options.explain_pause = pause_;
    auto made = plugin::describe_outside(hostile_plugin("hostile"), options).value();
    made.sha256 = "f00";
    return made;
  }
  static std::optional<plugin::ExplainOutput> ask(const plugin::ExplainCall& call, const char* run) {
    return call({.signal_type = "WORST", .run_id = run, .agent_id = "a", .evidence = "{}"});
  }
  std::uint64_t counted(const char* reason) {
    return metrics_.counter("dunetrace_explain_fallbacks_total", "", {{"reason", reason}}).value();
  }

  TestLog log_;
  telemetry::Metrics metrics_;
  FakeClock clock_;
  plugin::ConductMemory conduct_{clock_};
  plugin::ExplainGuard guard_{metrics_};
  std::chrono::milliseconds pause_{60'000};
};

TEST_F(ExplainGuardTest, AfterACrashTheTemplateIsUsedForAWhile) {
  guard_.set_conduct(&conduct_);
  const auto worst = library();
  const auto call = plugin::explain_call(worst, worst.components.front(), log_.logger(), guard_);
  plugin::ExplainGuard::begin_request();
  EXPECT_TRUE(ask(call, "r"));
  for (int i = 0; i < 50; ++i) EXPECT_FALSE(ask(call, "evil"));
  EXPECT_FALSE(ask(call, "r")) << "not asked now";
  EXPECT_EQ(counted("failed"), 1U);
  EXPECT_EQ(counted("paused"), 50U);
  EXPECT_EQ(std::ranges::count_if(
                log_.lines(), [](const auto& line) { return line.find("plugin.explain_failed") != std::string::npos; }),
            1);
}

TEST_F(ExplainGuardTest, ThreeCrashesAreAQuarantineAndThatIsNotAsked) {
  pause_ = std::chrono::milliseconds(0);
  guard_.set_conduct(&conduct_);
  const auto worst = library();
  const auto call = plugin::explain_call(worst, worst.components.front(), log_.logger(), guard_);
  for (int i = 0; i < 3; ++i) {
    plugin::ExplainGuard::begin_request();
    EXPECT_FALSE(ask(call, "evil"));
  }
  EXPECT_TRUE(conduct_.off(worst.components.front().schema.id, "f00"));
  EXPECT_FALSE(ask(call, "r"));
  EXPECT_EQ(counted("quarantined"), 1U);
}

TEST_F(ExplainGuardTest, ARequestHasABudget) {
  const auto worst = library();
  const auto call = plugin::explain_call(worst, worst.components.front(), log_.logger(), guard_);
  plugin::ExplainGuard::begin_request();
  guard_.took(plugin::ExplainGuard::kBudget);
  EXPECT_FALSE(ask(call, "r"));
  EXPECT_EQ(counted("budget"), 1U);
  plugin::ExplainGuard::begin_request();
  EXPECT_TRUE(ask(call, "r"));
}

}  // namespace
}  // namespace dunetrace::testing
