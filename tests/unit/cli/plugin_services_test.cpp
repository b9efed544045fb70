#include "cli/plugin_services.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "testing/fake_clock.hpp"
#include "testing/test_log.hpp"

namespace dunetrace::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class PluginServicesTest : public ::testing::Test {
 protected:
  Result<plugin::HttpReply> get(const std::string& component, const std::string& url) {
    return services_.http(component, {"GET", url, {}, "", std::chrono::milliseconds(2000)});
  }
  static bool denied(const Result<plugin::HttpReply>& reply) { return !reply && reply.error().code == Code::denied; }

  testing::TestLog log_;
  telemetry::Metrics metrics_;
  testing::FakeClock clock_;
  http::Outbound outbound_{log_.logger(), clock_};
  ProcessServices services_{log_.logger(), metrics_, outbound_, {*operator_origin("http://127.0.0.1:1")}};
};

TEST_F(PluginServicesTest, AComponentReachesItsOwnUrlsAndTheOperatorsList) {
  services_.admit("post", std::vector<config::ParamValue>{std::string("https://127.0.0.1:1/hook"), std::int64_t{3},
                                                          std::vector<std::string>{"https://[::1]:1/"}});
  EXPECT_THAT(get("post", "https://127.0.0.1:1/hook").error().text, HasSubstr("loopback")) << "known, but not public";
  EXPECT_THAT(get("post", "https://[::1]:1/hook").error().text, HasSubstr("loopback"));
  EXPECT_TRUE(denied(get("desk", "http://127.0.0.1:1/"))) << "nobody has admitted it";
  services_.admit("desk", {});
  EXPECT_THAT(get("desk", "https://127.0.0.1:1/hook").error().text, HasSubstr("neither")) << "another's";
  EXPECT_THAT(get("post", "https://127.0.0.1:2/hook").error().text, HasSubstr("neither"));
  const auto refused = get("desk", "http://127.0.0.1:1/");
  ASSERT_FALSE(refused);
  EXPECT_EQ(static_cast<int>(refused.error().code), static_cast<int>(Code::unavailable)) << "allowed; nobody listens";
  services_.admit("post", {});
  EXPECT_TRUE(denied(get("post", "https://127.0.0.1:1/hook")));
}

TEST_F(PluginServicesTest, AnOperatorListsOriginsOnly) {
  EXPECT_TRUE(operator_origin("https://hooks.example.com"));
  EXPECT_TRUE(operator_origin("https://hooks.example.com/"));
  for (const auto* text : {"hooks.example.com", "https://hooks.example.com/path", "https://hooks.example.com/?q",
                           "https://user@hooks.example.com", "*", "https://*.example.com"}) {
    EXPECT_FALSE(operator_origin(text)) << text;
  }
}

TEST_F(PluginServicesTest, FiguresCarryTheComponentsName) {
  ASSERT_TRUE(services_.counter_add("post", "posts", 2));
  ASSERT_TRUE(services_.counter_add("post", "posts", 0.75));
  ASSERT_TRUE(services_.counter_add("post", "posts", 0.5));
  ASSERT_TRUE(services_.observe("post", "seconds", 0.02));
  const auto text = metrics_.text();
  EXPECT_THAT(text, HasSubstr("\ndunetrace_plugin_post_posts 3\n")) << "fractions are kept until they are whole";
  EXPECT_THAT(text, HasSubstr("dunetrace_plugin_post_seconds_bucket{le=\"0.03\"} 1"));
  EXPECT_THAT(text, HasSubstr("dunetrace_plugin_post_seconds_sum 0.02"));
}

TEST_F(PluginServicesTest, WrongFiguresAreRefused) {
  const auto code = [](const Result<>& result) { return result ? -1 : static_cast<int>(result.error().code); };
  constexpr auto kInvalid = static_cast<int>(Code::invalid_argument);
  for (const auto* name : {"", "Posts", "po sts", "1st", "_x", "a-b", "posts\nx 1"}) {
    EXPECT_EQ(code(services_.counter_add("post", name, 1)), kInvalid) << name;
  }
  EXPECT_EQ(code(services_.counter_add("post", std::string(65, 'a'), 1)), kInvalid);
  for (const double value : {-1.0, std::nan(""), std::numeric_limits<double>::infinity(), 1e300}) {
    EXPECT_EQ(code(services_.counter_add("post", "posts", value)), kInvalid) << value;
  }
  EXPECT_EQ(code(services_.observe("post", "seconds", std::nan(""))), kInvalid);
  ASSERT_TRUE(services_.counter_add("post", "both", 1));
  EXPECT_EQ(code(services_.observe("post", "both", 1)), kInvalid) << "one name is one kind";
  ASSERT_TRUE(services_.counter_add("a_b", "c", 1));
  EXPECT_EQ(code(services_.counter_add("a", "b_c", 1)), kInvalid) << "reads the same on the page";
}

TEST_F(PluginServicesTest, AFigureOfTheHostsOwnIsNotTakenOver) {
  static_cast<void>(metrics_.gauge("dunetrace_plugin_strikes_total", "The host's own"));
  const auto taken = services_.counter_add("strikes", "total", 1);
  ASSERT_FALSE(taken);
  EXPECT_THAT(taken.error().text, HasSubstr("the host"));
}

TEST_F(PluginServicesTest, SixteenNamesAndNoMore) {
  for (int i = 0; i < 16; ++i) ASSERT_TRUE(services_.counter_add("post", "n" + std::to_string(i), 1));
  const auto more = services_.observe("post", "n16", 1);
  ASSERT_FALSE(more);
  EXPECT_EQ(static_cast<int>(more.error().code), static_cast<int>(Code::denied));
  EXPECT_TRUE(services_.counter_add("post", "n3", 1)) << "the known ones go on";
  EXPECT_TRUE(services_.counter_add("desk", "n16", 1));
  EXPECT_THAT(metrics_.text(), Not(HasSubstr("dunetrace_plugin_post_n16")));
}

TEST_F(PluginServicesTest, LinesCarryTheComponentsName) {
  services_.log("post", "r-1", telemetry::Level::warn, "careful");
  EXPECT_TRUE(log_.contains("\"component\":\"post\",\"run\":\"r-1\",\"message\":\"careful\"")) << log_.text();
}

}  // namespace
}  // namespace dunetrace::cli
