// Destinations and integrations in a runner: the same outcomes as in this process, and no harm where that would end it.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "plugin/destination.hpp"
#include "plugin/integration.hpp"
#include "plugin/isolation/sandbox.hpp"
#include "some_runs.hpp"

namespace dunetrace::testing {
namespace {

using namespace std::chrono_literals;
using Outcome = plugin::Delivery::Outcome;

// Answers every request and remembers what was asked.
class Recorder final : public plugin::Services {
 public:
  void log(std::string_view component, std::string_view, telemetry::Level, std::string_view text) override {
    seen += fmt::format("{} says {}; ", component, text);
  }
  Result<plugin::HttpReply> http(std::string_view component, const plugin::HttpRequest& request) override {
    seen += fmt::format("{} {} {} {} {}={}; ", component, request.method, request.url, request.body,
                        request.headers.at(0).first, request.headers.at(0).second);
    if (refuses) return fail(Code::denied, "not there");
    return plugin::HttpReply{201, "made", std::nullopt};
  }
  Result<> counter_add(std::string_view component, std::string_view name, double amount) override {
    seen += fmt::format("{} {} +{}; ", component, name, amount);
    return {};
  }
  Result<> observe(std::string_view, std::string_view, double) override { return {}; }
  std::string seen;
  bool refuses = false;
};

class OutwardTest : public ::testing::Test {
 protected:
  OutwardTest()
      : here_(plugin::load_library(hostile_plugin("hostile_outward"), true).value()),
        outside_(plugin::describe_outside(hostile_plugin("hostile_outward"), runner_options(log_.logger())).value()) {
    outside_.sha256 = "outward";
    batch_.alerts.resize(2);
    batch_.alerts[0].title = "first";
    batch_.alerts[0].fixes = {{"a", "text", "code"}};
    batch_.deadline = 500ms;
  }
  Result<plugin::Destination> destination(const plugin::Library& library, const std::string& deed) {
    return plugin::Destination::create({&library, &library.components[0]}, {deed}, services_, how_);
  }
  Result<plugin::Integration> integration(const plugin::Library& library, const std::string& deed) {
    return plugin::Integration::create({&library, &library.components[1]}, {deed}, services_, how_);
  }
  std::string delivered(const plugin::Library& library, const std::string& deed) {
    auto made = destination(library, deed);
    if (!made) return fmt::format("{}: {}", static_cast<int>(made.error().code), made.error().text);
    const auto said = made->deliver(batch_);
    return fmt::format("{} {} {}", to_text(said.outcome), said.retry_after ? said.retry_after->count() : -1, said.text);
  }
  std::string invoked(const plugin::Library& library, const std::string& deed,
                      const std::string& input = R"({"a":[1]})", const std::string& action = "act") {
    auto made = integration(library, deed);
    if (!made) return fmt::format("{}: {}", static_cast<int>(made.error().code), made.error().text);
    const auto result = made->invoke({.action = action, .input = input, .deadline = 500ms});
    return result ? *result : fmt::format("{}: {}", static_cast<int>(result.error().code), result.error().text);
  }

  TestLog log_;
  SystemClock clock_;
  plugin::ConductMemory conduct_{clock_};
  plugin::Outward how_{runner_options(log_.logger()), &conduct_};
  Recorder services_;
  plugin::Library here_, outside_;
  plugin::AlertBatch batch_;
};

TEST_F(OutwardTest, DeliversWithTheOutcomesOfThisProcess) {
  for (const auto* const deed :
       {"none", "retry", "reject", "unknown", "fail", "throw", "first_title", "http", "tell", "refuse"}) {
    services_.seen.clear();
    const auto expected = delivered(here_, deed);
    const auto seen = std::exchange(services_.seen, "");
    EXPECT_EQ(delivered(outside_, deed), expected);
    EXPECT_EQ(services_.seen, seen) << deed;
  }
  EXPECT_EQ(delivered(outside_, "http"), "delivered -1 HTTP 201 made");
  EXPECT_EQ(delivered(outside_, "first_title"), "delivered -1 first/code");
  EXPECT_EQ(delivered(outside_, "retry"), "retry 2500 later");
  services_.refuses = true;
  EXPECT_EQ(delivered(outside_, "http"), "failed -1 not there");
  EXPECT_FALSE(has_children());
}

TEST_F(OutwardTest, InvokesWithTheResultsOfThisProcess) {
  for (const auto* const deed : {"none", "fail", "throw", "http", "no_result", "refuse"})
    EXPECT_EQ(invoked(outside_, deed), invoked(here_, deed));
  EXPECT_EQ(invoked(outside_, "none"), R"({"given":{"a":[1]}})");
  EXPECT_EQ(invoked(outside_, "none", "[]"), invoked(here_, "none", "[]"));
  EXPECT_EQ(invoked(outside_, "none", "{}", "nothing"), invoked(here_, "none", "{}", "nothing"));
}

struct Harm {
  const char* deed;
  const char* text;
};
const Harm kHarms[] = {{"crash", "crashed (SIGSEGV) in {}()"},
                       {"exit", "ended its process with status 0 in {}()"},
                       {"socket", "called socket, which no plugin may, in {}()"},
                       {"hang", "did not answer within 1500 ms in {}()"},
                       {"garbage", "sent a message that makes no sense"}};

TEST_F(OutwardTest, HarmIsAFailureThatNamesItAndAStrike) {
  if (plugin::kSanitized) GTEST_SKIP() << "sanitizers handle such signals themselves and do not go with the filter";
  for (const auto& [deed, text] : kHarms) {
    conduct_.clear({"worst_post", "outward"});
    auto made = destination(outside_, deed);
    ASSERT_TRUE(made);
    const auto expected = "worst_post: " + fmt::format(fmt::runtime(text), "deliver");
    for (int time = 1; time <= 3; ++time) {  // each in a new runner
      const auto said = made->deliver(batch_);
      EXPECT_EQ(said.outcome, Outcome::failed);
      EXPECT_TRUE(said.text.starts_with(expected)) << said.text;
    }
    const auto said = made->deliver(batch_);
    EXPECT_EQ(said.outcome, Outcome::failed);
    EXPECT_TRUE(said.text.starts_with("worst_post: quarantined since ")) << said.text;
  }
  how_.conduct = nullptr;
  for (const auto& [deed, text] : kHarms) {
    const auto expected = "worst_desk: " + fmt::format(fmt::runtime(text), "invoke");
    EXPECT_NE(invoked(outside_, deed).find(expected), std::string::npos) << invoked(outside_, deed);
  }
  EXPECT_FALSE(has_children());
}

TEST_F(OutwardTest, CrashingInCreateIsAnErrorThatNamesIt) {
  EXPECT_EQ(delivered(outside_, "crash_in_create"),
            fmt::format("{}: worst_post: crashed (SIGABRT) in create()", static_cast<int>(Code::internal)));
  EXPECT_FALSE(has_children());
}

}  // namespace
}  // namespace dunetrace::testing
