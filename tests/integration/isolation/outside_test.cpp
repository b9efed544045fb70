#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>

#include "plugin/isolation/sandbox.hpp"
#include "some_runs.hpp"
#include "testing/temp_dir.hpp"
#include "testing/wait.hpp"

namespace dunetrace::testing {
namespace {

class OutsideTest : public ::testing::Test {
 protected:
  Result<plugin::Library> describe(const std::string& name) {
    return plugin::describe_outside(hostile_plugin(name), options_);
  }
  std::string refusal(const std::string& name) {
    const auto library = describe(name);
    return library ? "not refused" : library.error().text;
  }
  static std::vector<config::ParamValue> deed(const char* name) { return {std::string(name)}; }

  TestLog log_;
  plugin::RunnerOptions options_ = [this] {
    auto options = runner_options(log_.logger());
    options.load_limit = std::chrono::milliseconds(300);
    options.setup_limit = std::chrono::milliseconds(300);
    return options;
  }();
};

TEST_F(OutsideTest, DescribesAsLoadingDoes) {
  for (const auto& entry : std::filesystem::directory_iterator(shipped_plugins())) {
    if (entry.path().extension() != ".so") continue;
    const auto here = plugin::load_library(entry.path(), true).value();
    const auto there = plugin::describe_outside(entry.path(), runner_options(log_.logger())).value();
    EXPECT_EQ(there.id, here.id);
    EXPECT_EQ(there.version, here.version);
    EXPECT_EQ(there.mode, plugin::Mode::isolated);
    ASSERT_EQ(there.components.size(), here.components.size());
    const auto& a = there.components.front();
    const auto& b = here.components.front();
    EXPECT_EQ(a.vtable, nullptr);
    EXPECT_EQ(a.interface, b.interface);
    EXPECT_EQ(a.schema.id, b.schema.id);
    EXPECT_EQ(a.schema.signal_types, b.schema.signal_types);
    EXPECT_EQ(static_cast<bool>(a.schema.check), static_cast<bool>(b.schema.check));
    ASSERT_EQ(a.schema.params.size(), b.schema.params.size());
    for (std::size_t i = 0; i < a.schema.params.size(); ++i) {
      EXPECT_EQ(a.schema.params[i].name, b.schema.params[i].name);
      EXPECT_EQ(a.schema.params[i].def, b.schema.params[i].def);
      EXPECT_EQ(a.schema.params[i].max, b.schema.params[i].max);
      EXPECT_EQ(a.schema.params[i].doc, b.schema.params[i].doc);
    }
    ASSERT_EQ(a.templates.size(), b.templates.size());
    for (std::size_t i = 0; i < a.templates.size(); ++i) {
      EXPECT_EQ(a.templates[i].title, b.templates[i].title);
      EXPECT_EQ(a.templates[i].fixes.size(), b.templates[i].fixes.size());
    }
  }
}

TEST_F(OutsideTest, RefusesWhatDoesHarmWhileItIsDescribed) {
  EXPECT_EQ(refusal("crashing_constructor"), "crashed (SIGABRT) in being loaded");
  EXPECT_EQ(refusal("exiting_constructor"), "ended its process with status 0 in being loaded");
  EXPECT_EQ(refusal("endless_constructor"), "did not answer within 300 ms in being loaded");
  EXPECT_EQ(refusal("crashing_entry"), "crashed (SIGABRT) in its entry function");
  if (!plugin::kSanitized) {  // they end the process with a report
    EXPECT_EQ(refusal("garbage_tables"), "crashed (SIGSEGV) in its entry function");
  }
  EXPECT_EQ(refusal("no_descriptor"), "the entry function returned nothing");
  EXPECT_NE(refusal("there_is_no_such_file").find("cannot be loaded"), std::string::npos);
  EXPECT_FALSE(has_children());
}

TEST_F(OutsideTest, RefusesConstructorsThatReachOut) {
  if (plugin::kSanitized) GTEST_SKIP() << "sanitizers do not go with the filter";
  const auto called = [](const char* what) {
    return std::string("called ") + what + ", which no plugin may, in being loaded";
  };
  EXPECT_EQ(refusal("connecting_constructor"), called("socket"));
  EXPECT_EQ(refusal("forking_constructor"), called("clone"));
  EXPECT_NE(refusal("threading_constructor").find("(SIGSYS) in being loaded"), std::string::npos);
  EXPECT_EQ(refusal("executing_constructor"), called("execve"));
  EXPECT_EQ(refusal("killing_constructor"), called("kill"));
  EXPECT_EQ(refusal("directory_constructor"), called("mkdir"));
  EXPECT_EQ(refusal("writing_constructor"), called("openat"));
  EXPECT_EQ(refusal("owning_constructor"), called("fcntl"));
  EXPECT_FALSE(std::filesystem::exists("/tmp/made-by-a-constructor"));
  EXPECT_TRUE(runner_pids().empty());
}

TEST_F(OutsideTest, ShowsConstructorsNoFilesAndNoRoot) {
  const auto holds = plugin::sandbox_text(options_).value();
  if (holds.find("without") != std::string::npos) GTEST_SKIP() << "here runners have " << holds;
  EXPECT_EQ(refusal("prying_constructor"), "the entry function returned nothing");
}

// A kernel without Landlock, as far as this process can tell.
bool hide_landlock() {
  sock_filter code[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
                        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_landlock_create_ruleset, 0, 1),
                        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
                        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
  const sock_fprog program{4, code};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

TEST_F(OutsideTest, WithoutLandlockTheRightsOfRootEndBeforeAConstructorRuns) {
  if (plugin::kSanitized) GTEST_SKIP() << "sanitizers do not go with the filter";
  if (::geteuid() != 0) GTEST_SKIP() << "nobody but root has rights to lose";
  TempDir dir;  // nobody else may look into it, as into the host's copies
  const auto place = [&](const char* name) {
    const auto copy = dir / (std::string(name) + ".so");
    std::filesystem::copy_file(hostile_plugin(name), copy);
    std::filesystem::permissions(copy, std::filesystem::perms(0444));
    return copy;
  };
  const auto good = place("hostile");
  const auto bad = place("secrets_constructor");
  const auto pid = ::fork();
  if (pid == 0) {
    if (!hide_landlock()) ::_exit(1);
    if (plugin::sandbox_text(options_).value().find("without Landlock") == std::string::npos) ::_exit(2);
    if (!plugin::describe_outside(good, options_)) ::_exit(3);
    const auto library = plugin::describe_outside(bad, options_);
    if (library || library.error().text != "the entry function returned nothing") ::_exit(4);
    ::_exit(0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(pid, &status, 0), pid);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST_F(OutsideTest, ReadsALibraryThatOnlyItsOwnerMay) {
  TempDir dir;  // for this user alone
  const auto copy = dir / "copy.so";
  std::filesystem::copy_file(hostile_plugin("hostile"), copy);
  std::filesystem::permissions(copy, std::filesystem::perms::owner_read);
  const auto library = plugin::describe_outside(copy, options_);
  EXPECT_TRUE(library) << library.error().text;
}

TEST_F(OutsideTest, EndsWhateverARunnerStarted) {
  options_.sandbox = false;
  EXPECT_EQ(refusal("forking_constructor"), "the entry function returned nothing");
  EXPECT_TRUE(wait_until([] { return runner_pids().empty(); }));
}

TEST_F(OutsideTest, ValidatesInARunnerThatMayEnd) {
  const auto library = describe("hostile").value();
  const auto& check = library.components.front().schema.check;
  EXPECT_EQ(check(deed("none")), std::nullopt);
  EXPECT_EQ(check(deed("refuse")), "no");
  EXPECT_EQ(check(deed("validate")), "could not be checked: crashed (SIGABRT) in validate()");
  EXPECT_EQ(check(deed("refuse")), "no") << "a new runner answers";
}

TEST_F(OutsideTest, ExplainsInARunnerUntilItCrashes) {
  const auto library = describe("hostile").value();
  const auto call = plugin::explain_call(library.components.front(), log_.logger());
  ASSERT_TRUE(call);
  const auto ask = [&](std::string_view run) {
    return call({.signal_type = "WORST", .run_id = run, .agent_id = "a", .evidence = "{}"});
  };
  EXPECT_EQ(ask("r")->fields.at("title"), "Found by the worst plugin");
  EXPECT_EQ(ask("evil"), std::nullopt);
  EXPECT_TRUE(log_.contains("crashed (SIGABRT) in explain()"));
  EXPECT_EQ(ask("r"), std::nullopt) << "for a while its template is used";
}

TEST_F(OutsideTest, ReapsARunnerThatEndsWhileNobodyAsks) {
  const auto library = describe("hostile").value();
  const auto& component = library.components.front();
  const auto call = plugin::explain_call(component, log_.logger());
  const plugin::ExplainInput input{.signal_type = "WORST", .run_id = "r", .agent_id = "a", .evidence = "{}"};
  ASSERT_TRUE(call(input));
  component.outside->sweep();
  EXPECT_EQ(runner_pids().size(), 1U) << "more may be asked";
  for (const auto pid : runner_pids()) ::kill(pid, SIGKILL);
  EXPECT_TRUE(wait_until([&] {
    component.outside->sweep();
    return !has_children();
  })) << "a dead process stays until somebody looks at it";
  EXPECT_TRUE(call(input)) << "a new one answers";
  component.outside->sweep(std::chrono::milliseconds(0));
  EXPECT_FALSE(has_children()) << "nobody has asked for long enough";
  EXPECT_TRUE(call(input));
}

TEST_F(OutsideTest, EndsItsRunnerWithTheLastThatRefersToIt) {
  {
    const auto library = describe("hostile").value();
    EXPECT_EQ(library.components.front().schema.check(deed("none")), std::nullopt);
    EXPECT_FALSE(has_children()) << "nothing more is to be asked";
    const auto call = plugin::explain_call(library.components.front(), log_.logger());
    EXPECT_TRUE(call({.signal_type = "WORST", .run_id = "r", .agent_id = "a", .evidence = "{}"}));
    EXPECT_TRUE(has_children());
  }
  EXPECT_FALSE(has_children());
}

}  // namespace
}  // namespace dunetrace::testing
