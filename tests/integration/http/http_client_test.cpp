// The outgoing client against our own server.
#include "http/client.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "http_fixture.hpp"

namespace dunetrace::http {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;

class HttpClient : public ::testing::Test {
 protected:
  HttpClient() : server_({}, routes()) {}

  static Router routes() {
    Router router;
    const auto show = [](const Request& request) {
      return Response::json(201, std::string(to_text(request.method)) + " " + std::string(request.header("X-Key")) +
                                     " " + std::string(request.header("Expect")) + request.body);
    };
    for (const auto method : {Method::get, Method::post, Method::put, Method::patch, Method::del}) {
      router.add_blocking(method, "/show", show);
    }
    router.get("/moved", [](const Request&) { return Response::json(302, "").with("Location", "/show"); });
    return router;
  }

  std::string url(std::string_view path) {
    return "http://127.0.0.1:" + std::to_string(server_.port()) + std::string(path);
  }

  TestServer server_;
  Client client_;
};

TEST_F(HttpClient, SendsEveryMethodWithHeadersAndBody) {
  for (const auto method : {Method::post, Method::put, Method::patch, Method::del}) {
    const auto answer = client_.send(method, url("/show"), {{"X-Key", "k1"}}, "{}", 5s);
    ASSERT_TRUE(answer) << answer.error().text;
    EXPECT_EQ(answer->status, 201);
    EXPECT_EQ(answer->body, std::string(to_text(method)) + " k1 {}");
  }
  EXPECT_EQ(client_.send(Method::get, url("/show"), {}, "", 5s)->body, "GET  ");
  const auto head = client_.send(Method::head, url("/show"), {}, "", 5s);
  EXPECT_EQ(head->status, 201);
  EXPECT_EQ(head->body, "");
  EXPECT_EQ(client_.send(Method::get, url("/nowhere"), {}, "", 5s)->status, 404) << "a status is no error";
}

TEST_F(HttpClient, SendsLargeBodiesAtOnce) {
  const std::string body(3'000'000, 'b');
  const auto start = std::chrono::steady_clock::now();
  const auto answer = client_.send(Method::post, url("/echo"), {}, body, 10s);
  ASSERT_TRUE(answer) << answer.error().text;
  EXPECT_EQ(answer->body, body);
  EXPECT_EQ(client_.send(Method::post, url("/show"), {}, body, 10s)->body.find("100"), std::string::npos);
  EXPECT_LT(std::chrono::steady_clock::now() - start, 10s);
}

TEST_F(HttpClient, FollowsNoRedirect) { EXPECT_EQ(client_.send(Method::get, url("/moved"), {}, "", 5s)->status, 302); }

TEST_F(HttpClient, IgnoresTheProxyOfTheEnvironment) {
  ::setenv("http_proxy", "http://127.0.0.1:1", 1);
  const auto answer = client_.send(Method::get, url("/show"), {}, "", 5s);
  ::unsetenv("http_proxy");
  ASSERT_TRUE(answer) << answer.error().text;
}

TEST_F(HttpClient, SaysWhenTimeIsOver) {
  const auto answer = client_.send(Method::get, url("/slow"), {}, "", 100ms);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::timeout);
  EXPECT_THAT(answer.error().text, HasSubstr("127.0.0.1"));
}

TEST_F(HttpClient, SaysWhenNobodyAnswers) {
  const auto address = url("/secret-path");
  server_.close();
  const auto answer = client_.send(Method::get, address, {}, "", 5s);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::unavailable);
  EXPECT_THAT(answer.error().text, Not(HasSubstr("secret-path")));
}

TEST_F(HttpClient, StopsAtAnAnswerThatIsTooLarge) {
  const auto answer = client_.send(Method::get, url("/text/20000000"), {}, "", 10s);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::unavailable);
  EXPECT_THAT(answer.error().text, HasSubstr("larger than"));
}

TEST_F(HttpClient, RefusesAddressesAndHeadersThatWouldSurprise) {
  for (const std::string bad :
       {"", "nonsense", "file:///etc/passwd", "ftp://host/", "http://user:secret@127.0.0.1/", "http://"}) {
    const auto answer = client_.send(Method::get, bad, {}, "", 1s);
    ASSERT_FALSE(answer) << bad;
    EXPECT_EQ(answer.error().code, Code::invalid_argument) << bad;
    EXPECT_THAT(answer.error().text, Not(HasSubstr("secret")));
  }
  const Headers split{{"X-A", "1\r\nX-B: 2"}};
  EXPECT_EQ(client_.send(Method::get, url("/show"), split, "", 1s).error().code, Code::invalid_argument);
}

}  // namespace
}  // namespace dunetrace::http
