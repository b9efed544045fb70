// Request bodies that never end: what they take in memory has a limit, and the others do not notice.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <algorithm>

#include "http/compression.hpp"
#include "http_fixture.hpp"
#include "testing/wait.hpp"

namespace dunetrace::http {
namespace {

using ::testing::HasSubstr;
using testing::wait_until;

constexpr std::size_t kMiB = 1024 * 1024;

// Three bodies of the largest size fit, for an eighth is kept for small ones.
ServerOptions narrow() {
  ServerOptions options;
  options.max_body_bytes = kMiB;
  options.max_buffered_bytes = 4 * kMiB;
  return options;
}

std::string unfinished() {
  auto request = post_request("/echo", std::string(kMiB, 'u'));
  request.pop_back();
  return request;
}

bool readable(const RawClient& client) {
  pollfd p{client.fd(), POLLIN, 0};
  return ::poll(&p, 1, 0) == 1;
}

TEST(HttpMemory, RefusesBodiesAboveTheBudgetAndServesTheOthers) {
  TestServer server(narrow());
  const auto request = unfinished();
  std::vector<RawClient> clients;
  for (int i = 0; i < 40; ++i) {
    clients.push_back(server.client());
    static_cast<void>(clients.back().send(request));
  }
  ASSERT_TRUE(wait_until([&] { return std::ranges::count_if(clients, readable) >= 37; }));
  EXPECT_EQ(server.client().ask(get_request("/part/x")).body, "x");
  EXPECT_EQ(server.client().ask(post_request("/echo", std::string(5000, 's'))).body.size(), 5000U);
  int refused = 0;
  for (auto& client : clients) {
    if (!readable(client)) {
      EXPECT_EQ(client.ask("u").status, 200) << "who was in, stays in";
      continue;
    }
    const auto answer = client.read().value_or(Answer());
    EXPECT_EQ(answer.status, 503);
    EXPECT_EQ(answer.header("Retry-After"), "1");
    EXPECT_EQ(answer.header("Connection"), "close");
    ++refused;
  }
  EXPECT_GE(refused, 37);
  EXPECT_EQ(server.refused("memory"), refused);
  EXPECT_EQ(server.client().ask(request + "u").status, 200) << "and then there is room again";
}

TEST(HttpMemory, DoesNotWaitForBodiesThatNobodyTakes) {
  TestServer server;
  const auto ask = [&](std::string_view start, std::string_view length) {
    auto client = server.client();
    auto answer = client.ask(std::string(start) + " HTTP/1.1\r\nHost: x\r\n" + std::string(length) + "\r\n\r\n");
    EXPECT_EQ(client.read_to_end(), "") << "the connection ends with the answer";
    return answer;
  };
  const auto unknown = ask("POST /nowhere", "Content-Length: 1000000\r\nExpect: 100-continue");
  EXPECT_EQ(unknown.status, 404) << unknown.head;
  EXPECT_EQ(unknown.header("Connection"), "close");
  const auto wrong = ask("POST /text/1", "Transfer-Encoding: chunked");
  EXPECT_EQ(wrong.status, 405);
  EXPECT_EQ(wrong.header("Allow"), "GET, HEAD, OPTIONS");
  EXPECT_EQ(ask("PUT /part/%zz", "Content-Length: 1000000").status, 400);
  auto kept = server.client();
  EXPECT_EQ(kept.ask(post_request("/nowhere", "small")).status, 404);
  EXPECT_EQ(kept.ask(get_request("/part/x")).status, 200) << "a short body does not cost the connection";
}

TEST(HttpMemory, GetsBackWhatAbortedClientsHeld) {
  TestServer server(narrow());
  const auto request = unfinished();
  const auto half = request.substr(0, kMiB / 2);
  for (int round = 0; round < 8; ++round) {
    std::vector<RawClient> clients;
    for (const auto& text :
         {half,
          "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n80000\r\n" + std::string(kMiB / 4, 'c'),
          get_request("/part/x") + half, request + "u"}) {
      clients.push_back(server.client());
      ASSERT_TRUE(clients.back().send(text));
    }
    for (auto& client : clients) client.reset();
    ASSERT_TRUE(wait_until([&] { return server.metric(R"(dunetrace_http_connections{service="test"})") == 0; }));
  }
  std::vector<RawClient> three;
  for (int i = 0; i < 3; ++i) {
    three.push_back(server.client());
    ASSERT_TRUE(three.back().send(request));
  }
  for (auto& client : three) EXPECT_EQ(client.ask("u").status, 200);
}

TEST(HttpMemory, CountsWhatWaitsBehindAnAnswer) {
  auto options = narrow();
  options.max_buffered_bytes = kMiB / 2;
  TestServer server(std::move(options));
  auto client = server.client();
  ASSERT_TRUE(client.send(get_request("/slow")));
  ASSERT_TRUE(wait_until([&] { return server.waiting() == 1; }));
  ASSERT_TRUE(client.send(unfinished()));
  server.release();
  EXPECT_EQ(client.read().value_or(Answer()).status, 200) << "what was asked before is answered";
  EXPECT_EQ(client.read().value_or(Answer()).status, 503);
  EXPECT_EQ(server.refused("memory"), 1);
}

TEST(HttpMemory, CountsWhatACompressedBodyBecomes) {
  auto options = narrow();
  options.max_buffered_bytes = kMiB / 2;
  TestServer server(std::move(options));
  const auto packed = gzip(std::string(kMiB * 3 / 4, 'z'));
  const auto answer = server.client().ask(post_request("/echo", packed, "Content-Encoding: gzip\r\n"));
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.header("Retry-After"), "1");
  EXPECT_EQ(server.refused("memory"), 1);
  EXPECT_EQ(server.client().ask(post_request("/echo", "z")).status, 200);
}

}  // namespace
}  // namespace dunetrace::http
