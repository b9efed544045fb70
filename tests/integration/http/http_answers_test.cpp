// What a well-behaved client gets: routing, errors, headers, CORS, compression, metrics.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "http/compression.hpp"
#include "http_fixture.hpp"
#include "testing/wait.hpp"

namespace dunetrace::http {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;
using testing::wait_until;

TEST(HttpAnswers, ServesOneClientAfterAnotherOnOneConnection) {
  TestServer server;
  auto client = server.client();
  for (int i = 0; i < 50; ++i) {
    const auto body = "{\"n\":" + std::to_string(i) + "}";
    const auto answer = client.ask(post_request(i % 2 == 0 ? "/echo" : "/echo-blocking", body));
    ASSERT_EQ(answer.status, 200);
    ASSERT_EQ(answer.body, body);
    ASSERT_EQ(answer.header("Content-Type"), "application/json");
  }
}

TEST(HttpAnswers, AnswersFromAnyThread) {
  TestServer server;
  auto client = server.client();
  for (int i = 0; i < 20; ++i)
    EXPECT_EQ(client.ask(get_request("/async?m=" + std::to_string(i))).body, std::to_string(i));
}

TEST(HttpAnswers, TellsUnknownPathsFromWrongMethods) {
  TestServer server;
  auto client = server.client();
  const auto unknown = client.ask(get_request("/nowhere"));
  EXPECT_EQ(unknown.status, 404);
  EXPECT_EQ(unknown.body, R"({"detail":"Not Found"})");
  const auto wrong = client.ask(get_request("/echo"));
  EXPECT_EQ(wrong.status, 405);
  EXPECT_EQ(wrong.body, R"({"detail":"Method Not Allowed"})");
  EXPECT_EQ(wrong.header("Allow"), "POST, OPTIONS");
  EXPECT_EQ(client.ask(get_request("/part/%zz")).status, 400);
  EXPECT_EQ(client.ask(get_request("/part/x?a=%")).status, 400);
  EXPECT_EQ(client.ask(get_request("/part/a%2Fb%20%C3%A4")).body, "a/b ä");
  EXPECT_EQ(client.ask("OPTIONS /echo HTTP/1.1\r\nHost: x\r\n\r\n").status, 204);
}

TEST(HttpAnswers, AnswersHeadLikeGetWithoutTheBody) {
  TestServer server;
  auto client = server.client();
  const auto answer = client.ask("HEAD /text/7 HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.header("Content-Length"), "7");
  EXPECT_EQ(client.ask(get_request("/text/3")).body, "jjj") << "no stray body bytes in front";
}

TEST(HttpAnswers, ClosesWhenTheClientSaysSo) {
  TestServer server;
  for (const std::string& request :
       {get_request("/text/1", "Connection: close\r\n"), std::string("GET /text/1 HTTP/1.0\r\n\r\n")}) {
    auto client = server.client();
    ASSERT_TRUE(client.send(request));
    const auto all = client.read_to_end();
    ASSERT_TRUE(all);
    EXPECT_THAT(*all, HasSubstr("Connection: close\r\n"));
    EXPECT_TRUE(all->ends_with("\r\n\r\nj"));
  }
  auto old = server.client();
  const auto kept = old.ask("GET /text/1 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_EQ(kept.header("Connection"), "keep-alive");
  EXPECT_EQ(old.ask(get_request("/text/1")).status, 200);
}

TEST(HttpAnswers, KeepsFailuresOfHandlersToItself) {
  TestServer server;
  auto client = server.client();
  for (const auto* path : {"/throws", "/throws-oddly", "/throws-async", "/dropped"}) {
    const auto answer = client.ask(get_request(path, "X-Request-Id: find-me-" + std::string(path + 1) + "\r\n"));
    EXPECT_EQ(answer.status, 500) << path;
    EXPECT_EQ(answer.body, R"({"detail":"Internal Server Error"})");
  }
  EXPECT_TRUE(wait_until([&] { return server.log().contains("find-me-throws-async"); }));
  EXPECT_TRUE(server.log().contains("secret: connection string"));
  EXPECT_TRUE(server.log().contains("find-me-throws\""));
}

TEST(HttpAnswers, GivesEveryAnswerARequestId) {
  TestServer server;
  auto client = server.client();
  constexpr auto* kUuid = "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}";
  EXPECT_THAT(client.ask(get_request("/nowhere")).header("X-Request-Id"), MatchesRegex(kUuid));
  EXPECT_EQ(client.ask(get_request("/text/1", "X-Request-Id: trace-7.a\r\n")).header("X-Request-Id"), "trace-7.a");
  for (const auto& bad : {std::string("has blank"), std::string("quote\""), std::string(129, 'a')}) {
    EXPECT_THAT(client.ask(get_request("/text/1", "X-Request-Id: " + bad + "\r\n")).header("X-Request-Id"),
                MatchesRegex(kUuid));
  }
}

ServerOptions with_cors(Cors cors) {
  ServerOptions options;
  options.cors = std::move(cors);
  return options;
}

constexpr auto* kPreflight =
    "OPTIONS /echo HTTP/1.1\r\nHost: x\r\nOrigin: http://page\r\nAccess-Control-Request-Method: POST\r\n\r\n";

TEST(HttpAnswers, LetsOnlyTheNamedOriginsIn) {
  Cors cors;
  cors.origins = {"http://page"};
  cors.methods = "GET, PUT";
  TestServer server(with_cors(cors));
  auto client = server.client();
  const auto preflight = client.ask(kPreflight);
  EXPECT_EQ(preflight.status, 204);
  EXPECT_EQ(preflight.header("Access-Control-Allow-Origin"), "http://page");
  EXPECT_EQ(preflight.header("Access-Control-Allow-Methods"), "GET, PUT");
  EXPECT_EQ(preflight.header("Access-Control-Max-Age"), "600") << "not one more request per request";
  EXPECT_EQ(preflight.header("Access-Control-Allow-Headers"), "Content-Type, Authorization");
  EXPECT_THAT(preflight.head, HasSubstr("Vary: Origin"));
  const auto error = client.ask(get_request("/nowhere", "Origin: http://page\r\n"));
  EXPECT_EQ(error.status, 404);
  EXPECT_EQ(error.header("Access-Control-Allow-Origin"), "http://page") << "errors are readable, too";
  EXPECT_FALSE(client.ask(get_request("/text/1", "Origin: http://other\r\n")).has("Access-Control-Allow-Origin"));
  const auto foreign = client.ask(
      "OPTIONS /echo HTTP/1.1\r\nHost: x\r\nOrigin: http://other\r\n"
      "Access-Control-Request-Method: POST\r\n\r\n");
  EXPECT_EQ(foreign.status, 403);
  EXPECT_FALSE(foreign.has("Access-Control-Allow-Methods"));
}

TEST(HttpAnswers, LetsEveryOriginInWhenTold) {
  Cors cors;
  cors.any_origin = true;
  TestServer open(with_cors(cors));
  EXPECT_EQ(open.client().ask(kPreflight).header("Access-Control-Allow-Origin"), "*");
  TestServer closed;
  EXPECT_EQ(closed.client().ask(kPreflight).status, 403);
}

TEST(HttpAnswers, SendsTheHeadersOfThePortWithEverything) {
  ServerOptions options;
  options.extra_headers = {{"Content-Security-Policy", "default-src 'self'"}};
  TestServer server(std::move(options));
  EXPECT_EQ(server.client().ask(get_request("/nowhere")).header("Content-Security-Policy"), "default-src 'self'");
  EXPECT_EQ(server.client().ask("broken\r\n\r\n").header("Content-Security-Policy"), "default-src 'self'");
}

TEST(HttpAnswers, SaysWithEverythingThatTypesAreNotToBeGuessed) {
  TestServer server;
  for (const std::string& request : {get_request("/text/1"), get_request("/nowhere"), get_request("/metrics"),
                                     std::string(kPreflight), std::string("broken\r\n\r\n")}) {
    EXPECT_EQ(server.client().ask(request).header("X-Content-Type-Options"), "nosniff") << request;
  }
}

TEST(HttpAnswers, PacksLargeTextForClientsThatReadGzip) {
  TestServer server;
  auto client = server.client();
  const auto packed = client.ask(get_request("/text/50000", "Accept-Encoding: br, gzip\r\n"));
  EXPECT_EQ(packed.header("Content-Encoding"), "gzip");
  EXPECT_EQ(packed.header("Vary"), "Accept-Encoding");
  std::string back;
  ASSERT_EQ(inflate(Coding::gzip, packed.body, 100'000, back), Inflated::ok);
  EXPECT_EQ(back, std::string(50'000, 'j'));
  EXPECT_EQ(client.ask(get_request("/text/50000")).body.size(), 50'000U);
}

TEST(HttpAnswers, ReadsPackedRequestBodiesWithinTheLimit) {
  ServerOptions options;
  options.max_body_bytes = 10'000;
  TestServer server(std::move(options));
  auto client = server.client();
  const std::string text(9'000, 'e');
  EXPECT_EQ(client.ask(post_request("/echo", gzip(text), "Content-Encoding: gzip\r\n")).body, text);
  const auto bomb = client.ask(post_request("/echo", gzip(std::string(20'000, 'e')), "Content-Encoding: gzip\r\n"));
  EXPECT_EQ(bomb.status, 413);
  EXPECT_THAT(bomb.body, HasSubstr("10000"));
  EXPECT_EQ(client.ask(post_request("/echo", "nonsense", "Content-Encoding: gzip\r\n")).status, 400);
  EXPECT_EQ(client.ask(post_request("/echo", gzip(""), "Content-Encoding: gzip\r\n")).body, "");
  const auto foreign = client.ask(post_request("/echo", "x", "Content-Encoding: br\r\n"));
  EXPECT_EQ(foreign.status, 415);
  EXPECT_EQ(client.ask(post_request("/echo", "x")).status, 200) << "the connection lives on: the framing was right";
}

TEST(HttpAnswers, AsksForABodyThatWaits) {
  TestServer server;
  auto client = server.client();
  ASSERT_TRUE(client.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"));
  EXPECT_EQ(client.read()->status, 100);
  ASSERT_TRUE(client.send("ok"));
  EXPECT_EQ(client.read()->body, "ok");
}

TEST(HttpAnswers, TakesTheAcceptHeaderOfJavaAndOddCookies) {
  TestServer server;
  auto client = server.client();
  for (const auto* header : {"Accept: text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2\r\n", "Cookie: a\r\n",
                             "Cache-Control: stale-while-revalidate=5\r\n", "Date: x\r\n"}) {
    EXPECT_EQ(client.ask(get_request("/text/1", header)).status, 200) << header;
  }
}

TEST(HttpAnswers, ShowsItsNumbers) {
  TestServer server;
  auto client = server.client();
  EXPECT_EQ(client.ask(get_request("/livez")).body, R"({"status":"ok"})");
  client.ask(get_request("/part/secret-name"));
  client.ask(get_request("/part/other-name"));
  client.ask(get_request("/does/not/exist"));
  client.ask("BREW / HTTP/1.1\r\nHost: x\r\n\r\n");
  auto reader = server.client();
  const auto answer = reader.ask(get_request("/metrics"));
  EXPECT_EQ(answer.header("Content-Type"), "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_THAT(answer.body,
              HasSubstr("dunetrace_http_request_duration_seconds_count{service=\"test\",route=\"/part/{a}\","
                        "method=\"GET\",code=\"200\"} 2\n"));
  EXPECT_THAT(answer.body, HasSubstr("route=\"unmatched\",method=\"GET\",code=\"404\"} 1\n"));
  EXPECT_THAT(answer.body, HasSubstr("route=\"unmatched\",method=\"OTHER\",code=\"501\"} 1\n"));
  EXPECT_THAT(answer.body, HasSubstr("dunetrace_http_connections{service=\"test\"} "));
  EXPECT_THAT(answer.body, HasSubstr("dunetrace_http_refused_total{service=\"test\",reason=\"malformed\"} 1\n"));
  EXPECT_THAT(answer.body, HasSubstr("reason=\"queue_full\"} 0\n")) << "known reasons exist before they happen";
  EXPECT_THAT(answer.body, Not(HasSubstr("secret-name")));
}

TEST(HttpAnswers, RefusesAtOnceWhenAllWorkersAndTheirQueueAreBusy) {
  ServerOptions options;
  options.workers = 1;
  options.worker_queue = 1;
  TestServer server(std::move(options));
  auto running = server.client();
  ASSERT_TRUE(running.send(get_request("/slow")));
  ASSERT_TRUE(wait_until([&] { return server.waiting() == 1; }));
  std::vector<RawClient> others;
  for (int i = 0; i < 4; ++i) {
    others.push_back(server.client());
    ASSERT_TRUE(others.back().send(get_request("/slow")));
  }
  ASSERT_TRUE(wait_until([&] { return server.refused("queue_full") == 3; })) << "one waits, three are refused";
  EXPECT_EQ(server.client().ask(post_request("/echo", "x")).status, 200) << "handlers that do not block go on";
  server.release();
  EXPECT_EQ(running.read()->status, 200);
  std::vector<int> statuses;
  for (auto& other : others) {
    const auto answer = other.read().value_or(Answer());
    statuses.push_back(answer.status);
    EXPECT_EQ(answer.header("Retry-After"), answer.status == 503 ? "1" : "");
  }
  EXPECT_THAT(statuses, ::testing::UnorderedElementsAre(200, 503, 503, 503));
}

TEST(HttpAnswers, ListensOnIpv6) {
  for (const std::string bind : {"::1", "[::1]"}) {
    ServerOptions options;
    options.bind = bind;
    Router router;
    router.get("/me", [](const Request& request) { return Response::json(200, request.client_address); });
    TestServer server(std::move(options), std::move(router));
    RawClient client(server.port(), "::1");
    EXPECT_EQ(client.ask(get_request("/me")).body, "::1");
  }
}

TEST(HttpAnswers, SaysWhichPortIsInUse) {
  TestServer first;
  testing::TestLog log;
  telemetry::Metrics metrics;
  ServerOptions options;
  options.service = "ingest";
  options.port = first.port();
  const auto second = Server::open(options, Router(), log.logger(), metrics);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::conflict);
  EXPECT_THAT(second.error().text, HasSubstr("ingest: cannot listen on 127.0.0.1:" + std::to_string(first.port())));
  EXPECT_THAT(second.error().text, HasSubstr("in use"));
  EXPECT_EQ(first.client().ask(get_request("/livez")).status, 200) << "the first one goes on";
}

TEST(HttpAnswers, RefusesAnAddressThatIsNone) {
  testing::TestLog log;
  telemetry::Metrics metrics;
  for (const std::string bind : {"999.1.1.1", "", "no such host."}) {
    ServerOptions options;
    options.service = "api";
    options.bind = bind;
    const auto server = Server::open(options, Router(), log.logger(), metrics);
    ASSERT_FALSE(server) << bind;
    EXPECT_EQ(server.error().code, Code::invalid_argument);
    EXPECT_THAT(server.error().text, HasSubstr("api: cannot listen on " + bind));
  }
}

TEST(HttpAnswers, StartsAndStopsManyTimesInOneProcess) {
  for (int i = 0; i < 60; ++i) {
    TestServer server;
    if (i % 2 == 0) {
      ASSERT_EQ(server.client().ask(get_request("/livez")).status, 200);
    }
  }
}

TEST(HttpAnswers, GivesThePortFreeWhenItEnds) {
  std::uint16_t port = 0;
  for (int i = 0; i < 5; ++i) {
    ServerOptions options;
    options.port = port;
    TestServer server(std::move(options));
    port = server.port();
    EXPECT_EQ(server.client().ask(get_request("/livez")).status, 200);
  }
}

}  // namespace
}  // namespace dunetrace::http
