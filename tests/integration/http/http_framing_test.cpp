// Framing over a real socket: cut requests, hostile requests, and what happens to the connection afterwards.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "http_fixture.hpp"
#include "testing/wait.hpp"

namespace dunetrace::http {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using testing::wait_until;

const std::string kChunked =
    "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    "4;name=value\r\nWiki\r\n5\r\npedia\r\n0\r\nX-Trailer: yes\r\n\r\n";

TEST(HttpFraming, ReadsAChunkedRequestHoweverTheNetworkCutsIt) {
  TestServer server;
  const auto whole = kChunked + get_request("/part/second");
  for (std::size_t cut = 1; cut < whole.size(); ++cut) {
    auto client = server.client();
    ASSERT_TRUE(client.send(std::string_view(whole).substr(0, cut)));
    ASSERT_TRUE(client.send(std::string_view(whole).substr(cut)));
    ASSERT_EQ(client.read().value_or(Answer()).body, "Wikipedia") << "cut at " << cut;
    ASSERT_EQ(client.read().value_or(Answer()).body, "second") << "cut at " << cut;
  }
}

TEST(HttpFraming, ReadsAChunkWhoseCarriageReturnIsByte4096) {
  TestServer server;
  for (const std::size_t cr_at : {4095U, 4096U, 4097U, 8192U}) {
    std::string whole = "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    char size_line[16];
    const auto data = cr_at - 1 - whole.size() - 6;
    std::snprintf(size_line, sizeof size_line, "%04zx\r\n", data);
    whole += size_line + std::string(data, 'x') + "\r\n0\r\n\r\n";
    ASSERT_EQ(whole[cr_at - 1], '\r');
    auto client = server.client();
    EXPECT_EQ(client.ask(whole).body.size(), data);
    EXPECT_EQ(client.ask(get_request("/part/next")).body, "next");
  }
}

TEST(HttpFraming, RefusesAndClosesWhatIsNoRequest) {
  TestServer server;
  for (const std::string& broken :
       {std::string("GET /\r\n\r\n"), get_request("/part/x", "X-A : 1\r\n"),
        get_request("/part/x", "X-A: 1\r\n folded\r\n"), std::string("GET /part/x HTTP/1.1\nHost: x\n\n"),
        std::string("GET /part/x HTTP/1.1\r\n\r\n"), std::string("GET /\xC3\xA4 HTTP/1.1\r\nHost: x\r\n\r\n"),
        post_request("/echo", "abc", "Content-Length: 3\r\n"),
        post_request("/echo", "abc", "Transfer-Encoding: chunked\r\n"),
        std::string("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3abc\r\n\r\nabc"),
        std::string("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n"),
        std::string("\x16\x03\x01\x02\x00\x01\x00", 7)}) {
    auto client = server.client();
    ASSERT_TRUE(client.send(broken + get_request("/part/smuggled")));
    const auto all = client.read_to_end();
    ASSERT_TRUE(all) << broken;
    EXPECT_THAT(*all, StartsWith("HTTP/1.1 400 Bad Request\r\n")) << broken;
    EXPECT_THAT(*all, HasSubstr("Connection: close\r\n"));
    EXPECT_THAT(*all, HasSubstr(R"({"detail":"Bad Request"})"));
    EXPECT_THAT(*all, Not(HasSubstr("smuggled")));
  }
}

TEST(HttpFraming, RefusesALargeHead) {
  ServerOptions options;
  options.max_header_bytes = 2000;
  TestServer server(std::move(options));
  auto client = server.client();
  ASSERT_TRUE(client.send(get_request("/part/x", "X: " + std::string(3000, 'a') + "\r\n")));
  const auto all = client.read_to_end();
  ASSERT_TRUE(all);
  EXPECT_THAT(*all, StartsWith("HTTP/1.1 431 "));
  EXPECT_THAT(*all, HasSubstr("larger than 2000 bytes"));
  EXPECT_EQ(server.refused("headers_too_large"), 1);
}

TEST(HttpFraming, NeverRunsARequestHiddenInARefusedBody) {
  ServerOptions options;
  options.max_body_bytes = 1000;
  std::atomic<int> hidden = 0;
  Router router;
  router.get("/hidden", [&hidden](const Request&) {
    ++hidden;
    return Response::json(200, "");
  });
  TestServer server(std::move(options), std::move(router));
  for (const std::string& head :
       {std::string("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5000000\r\n\r\n"),
        std::string("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n4c4b40\r\n")}) {
    auto client = server.client();
    ASSERT_TRUE(client.send(head));
    std::string body;
    while (body.size() < 3'000'000) body += get_request("/hidden");
    // The server goes on reading, so the client can send on and still find the answer.
    EXPECT_TRUE(client.send(body));
    const auto all = client.read_to_end();
    ASSERT_TRUE(all);
    EXPECT_THAT(*all, StartsWith("HTTP/1.1 413 "));
    EXPECT_THAT(*all, HasSubstr("larger than 1000 bytes"));
    EXPECT_EQ(all->find("HTTP/1.1", 10), std::string::npos) << "more than one answer";
  }
  EXPECT_EQ(hidden, 0);
  EXPECT_EQ(server.refused("body_too_large"), 2);
}

TEST(HttpFraming, RefusesABodyBeforeItIsSent) {
  ServerOptions options;
  options.max_body_bytes = 1000;
  Cors cors;
  cors.any_origin = true;
  options.cors = cors;
  TestServer server(std::move(options));
  const auto answer = server.client().ask(
      "POST /echo HTTP/1.1\r\nHost: x\r\nOrigin: http://page\r\nX-Request-Id: mine\r\n"
      "Content-Length: 1001\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(answer.status, 413) << "and no 100 in front";
  EXPECT_EQ(answer.header("Access-Control-Allow-Origin"), "*");
  EXPECT_EQ(answer.header("X-Request-Id"), "mine");
}

TEST(HttpFraming, SurvivesDamagedRequests) {
  ServerOptions options;
  options.idle_timeout = std::chrono::milliseconds(2000);
  TestServer server(std::move(options));
  const std::vector<std::string> seeds{kChunked + get_request("/part/a"),
                                       post_request("/echo", "hello") + get_request("/part/b"),
                                       get_request("/part/c?x=%41&y", "Accept-Encoding: gzip\r\nX-Request-Id: 1\r\n")};
  std::mt19937 random(41);
  for (int round = 0; round < 1500; ++round) {
    auto text = seeds[random() % seeds.size()];
    for (unsigned i = 0; i < 1 + random() % 5; ++i) {
      const auto at = random() % text.size();
      if (random() % 3 == 0)
        text.insert(at, 1, static_cast<char>(random()));
      else if (random() % 2 == 0)
        text.erase(at, 1 + random() % 4);
      else
        text[at] = static_cast<char>(random());
      if (text.empty()) text = "x";
    }
    auto client = server.client();
    ASSERT_TRUE(client.connected());
    static_cast<void>(client.send(text));
    client.stop_sending();
    ASSERT_TRUE(client.read_to_end()) << "round " << round << ": the connection hangs";
  }
  EXPECT_EQ(server.client().ask(get_request("/livez")).status, 200);
}

}  // namespace
}  // namespace dunetrace::http
