// Requests of plugins against our own server, and against names and addresses they must not reach.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <future>

#include "http/outbound.hpp"
#include "http_fixture.hpp"
#include "testing/fake_clock.hpp"

namespace dunetrace::http {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::size_t kMaxReply = 4096;

class HttpOutbound : public ::testing::Test {
 protected:
  HttpOutbound() : server_({}, routes()) {}

  static Router routes() {
    Router router;
    for (const auto method : {Method::get, Method::post, Method::put, Method::patch, Method::del}) {
      router.add_blocking(method, "/show", [](const Request& request) {
        return Response::json(201, std::string(to_text(request.method)) + " " + std::string(request.header("X-Key")) +
                                       "|" + std::string(request.header("Content-Type")) + "|" + request.body);
      });
    }
    router.get("/moved", [](const Request&) { return Response::json(302, "").with("Location", "/show"); });
    router.get("/busy", [](const Request&) { return Response::json(429, "").with("Retry-After", "7"); });
    router.get("/busy-until", [](const Request&) {
      return Response::json(503, "").with("Retry-After", "Tue, 14 Nov 2023 22:13:50 GMT");
    });
    return router;
  }

  [[nodiscard]] std::string url(std::string_view path, std::string_view host = "127.0.0.1") const {
    return "http://" + std::string(host) + ":" + std::to_string(server_.port()) + std::string(path);
  }
  Result<OutboundReply> send(OutboundRequest request, OutboundOptions options = {}) {
    options.max_reply_bytes = kMaxReply;
    request.component = "post";
    return Outbound(log_.logger(), clock_, std::move(options)).send(request, allowed_);
  }
  Result<OutboundReply> get(const std::string& to, OutboundOptions options = {}) {
    return send({.method = "GET", .url = to}, std::move(options));
  }
  void allow(const std::string& origin, bool by_operator) { allowed_.push_back({*origin_of(origin), by_operator}); }
  void expect(const Result<OutboundReply>& reply, Code code, const std::string& part) {
    ASSERT_FALSE(reply) << "HTTP " << reply->status;
    EXPECT_EQ(static_cast<int>(reply.error().code), static_cast<int>(code)) << reply.error().text;
    EXPECT_THAT(reply.error().text, HasSubstr(part));
  }

  TestServer server_;
  testing::TestLog log_;
  testing::FakeClock clock_{1'700'000'000};
  std::vector<AllowedOrigin> allowed_;
};

TEST_F(HttpOutbound, SendsWhatIsAllowed) {
  allow(url(""), true);
  for (const auto* method : {"POST", "PUT", "PATCH", "DELETE"}) {
    const auto reply = send({.method = method, .url = url("/show"), .headers = {{"X-Key", "k"}}, .body = "{}"});
    ASSERT_TRUE(reply) << reply.error().text;
    EXPECT_EQ(reply->status, 201);
    EXPECT_EQ(reply->body, std::string(method) + " k||{}") << "no content type that nobody gave";
  }
  EXPECT_EQ(get(url("/show"))->body, "GET ||");
  EXPECT_EQ(get(url("/nowhere"))->status, 404) << "a status is no error";
}

TEST_F(HttpOutbound, ReachesOnlyListedOrigins) {
  allow("http://127.0.0.1:1", true);
  allow("https://127.0.0.1:" + std::to_string(server_.port()), true);
  expect(get(url("/show")), Code::denied, "neither in the component's parameters nor on the operator's list");
  expect(send({.method = "BREW", .url = url("/show")}), Code::invalid_argument, "method");
  expect(send({.method = "get", .url = url("/show")}), Code::invalid_argument, "method");
  expect(get("ftp://127.0.0.1/"), Code::invalid_argument, "scheme");
}

TEST_F(HttpOutbound, AComponentsOwnUrlIsHttpsAndPublic) {
  allow(url(""), false);
  expect(get(url("/show")), Code::denied, "http has to be on the operator's list");
  allow("https://127.0.0.1", false);
  expect(get("https://127.0.0.1/"), Code::denied, "loopback");
  expect(get("https://2130706433/"), Code::denied, "loopback");
  allow("https://[fd00:ec2::254]", false);
  expect(get("https://[fd00:ec2::254]/latest"), Code::denied, "private");
  allow("https://169.254.169.254", false);
  expect(get("https://169.254.169.254/latest/meta-data"), Code::denied, "link-local");
}

TEST_F(HttpOutbound, ANameMustNotLeadToAnInnerAddress) {
  const auto port = std::to_string(server_.port());
  for (const auto* address : {"127.0.0.1", "10.0.0.1", "169.254.169.254", "[::1]", "[::ffff:127.0.0.1]", "[fe80::1]",
                              "0.0.0.0", "192.168.1.1"}) {
    allowed_.clear();
    allow("https://hooks.example.com:" + port, false);
    const OutboundOptions names{.addresses = {"hooks.example.com:" + port + ":" + address}};
    expect(get("https://hooks.example.com:" + port + "/", names), Code::denied, "hooks.example.com leads to");
  }
  allowed_.clear();
  allow("https://localhost:" + port, false);
  expect(get("https://localhost:" + port + "/"), Code::denied, "loopback");
}

TEST_F(HttpOutbound, TheOperatorMayListInnerNamesButNoMetadataByName) {
  allow(url("", "inner.example"), true);
  const auto host = "inner.example:" + std::to_string(server_.port()) + ":";
  const auto reply = get(url("/show", "inner.example"), {.addresses = {host + "127.0.0.1"}});
  ASSERT_TRUE(reply) << reply.error().text;
  EXPECT_EQ(reply->status, 201);
  expect(get(url("/show", "inner.example"), {.addresses = {host + "169.254.169.254"}}), Code::denied, "link-local");
  expect(get(url("/show", "inner.example"), {.addresses = {host + "0.0.0.0"}}), Code::denied, "special-purpose");
}

TEST_F(HttpOutbound, HeadersCannotSmuggle) {
  allow(url(""), true);
  for (const auto& [name, value] : Headers{{"X-A", "1\r\nX-B: 2"},
                                           {"X-A", "1\nX-B: 2"},
                                           {"X-A", std::string("1\0", 2)},
                                           {"X-A: 1\r\nX-B", "2"},
                                           {"X A", "1"},
                                           {"", "1"},
                                           {"X-A:", "1"}}) {
    expect(send({.method = "GET", .url = url("/show"), .headers = {{name, value}}}), Code::invalid_argument, "header");
  }
  for (const auto* name : {"Host", "content-LENGTH", "Transfer-Encoding", "Connection", "Upgrade", "Expect"}) {
    expect(send({.method = "GET", .url = url("/show"), .headers = {{name, "x"}}}), Code::denied, "the host's own");
  }
}

TEST_F(HttpOutbound, RequestsHaveTheirLimits) {
  allow(url(""), true);
  const auto post = [&](std::size_t bytes) {
    return send({.method = "POST", .url = url("/show"), .body = std::string(bytes, 'b')}, {.max_request_bytes = 1000});
  };
  EXPECT_TRUE(post(1000));
  expect(post(1001), Code::invalid_argument, "body more than 1000");
  expect(get(url("/" + std::string(9000, 'p'))), Code::invalid_argument, "URL has more than 8192");
  expect(send({.method = "GET", .url = url("/show"), .headers = {{"X-A", std::string(40'000, 'v')}}}),
         Code::invalid_argument, "headers have more than 32768");
}

TEST_F(HttpOutbound, FollowsNoRedirectAndNoProxy) {
  allow(url(""), true);
  ASSERT_EQ(::setenv("http_proxy", "http://127.0.0.1:1", 1), 0);
  ASSERT_EQ(::setenv("ALL_PROXY", "http://127.0.0.1:1", 1), 0);
  const auto reply = get(url("/moved"));
  ::unsetenv("http_proxy");
  ::unsetenv("ALL_PROXY");
  ASSERT_TRUE(reply) << reply.error().text;
  EXPECT_EQ(reply->status, 302);
}

TEST_F(HttpOutbound, TellsWhenToComeAgain) {
  allow(url(""), true);
  EXPECT_EQ(get(url("/busy"))->retry_after, 7s);
  EXPECT_EQ(get(url("/busy-until"))->retry_after, 30s);
  EXPECT_EQ(get(url("/show"))->retry_after, std::nullopt);
}

TEST_F(HttpOutbound, ReadsNoMoreThanTheLimit) {
  allow(url(""), true);
  const auto fits = get(url("/text/" + std::to_string(kMaxReply)));
  ASSERT_TRUE(fits) << fits.error().text;
  EXPECT_EQ(fits->body.size(), kMaxReply);
  const auto longer = get(url("/text/3000000"));
  ASSERT_TRUE(longer) << longer.error().text;
  EXPECT_EQ(longer->status, 200) << "what was delivered is delivered, however much it says";
  EXPECT_EQ(longer->body.size(), kMaxReply + 1);
}

TEST_F(HttpOutbound, GivesUpAtItsDeadline) {
  allow(url(""), true);
  expect(send({.method = "GET", .url = url("/slow"), .timeout = 50ms}), Code::timeout, "50 ms");
  server_.release();
}

TEST_F(HttpOutbound, TransportProblemsAreUnavailable) {
  const auto port = std::to_string(server_.port());
  allow("https://127.0.0.1:" + port, true);
  expect(get("https://127.0.0.1:" + port + "/"), Code::unavailable, "127.0.0.1");
  server_.close();
  expect(get("https://127.0.0.1:" + port + "/"), Code::unavailable, "127.0.0.1");
}

TEST_F(HttpOutbound, LogsNoCredential) {
  allow(url(""), true);
  const auto reply = send({.method = "POST",
                           .url = url("/show?token=secret-in-url"),
                           .headers = {{"Authorization", "secret-in-header"}},
                           .body = "secret-in-body"});
  ASSERT_TRUE(reply);
  expect(get("http://secret-user:x@127.0.0.1/secret-path"), Code::invalid_argument, "user name");
  expect(get("http://127.0.0.1:9/secret-path"), Code::denied, "http://127.0.0.1:9 ");
  const auto text = log_.text();
  EXPECT_THAT(text, HasSubstr(R"("component":"post","method":"POST","host":"127.0.0.1","status":201,"duration_ms":)"));
  EXPECT_THAT(text, Not(HasSubstr("secret")));
}

TEST_F(HttpOutbound, IsUsedByManyThreadsAtOnce) {
  allow(url(""), true);
  const Outbound outbound(log_.logger(), clock_);
  std::vector<std::future<int>> answers;
  for (int i = 0; i < 8; ++i) {
    answers.push_back(std::async(std::launch::async, [&] {
      const auto reply = outbound.send({.component = "post", .method = "GET", .url = url("/show")}, allowed_);
      return reply ? reply->status : 0;
    }));
  }
  for (auto& answer : answers) EXPECT_EQ(answer.get(), 201);
}

}  // namespace
}  // namespace dunetrace::http
