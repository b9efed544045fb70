// Several requests at once on one connection: all answered, in order, one after the other.
#include <gtest/gtest.h>

#include "http_fixture.hpp"
#include "testing/wait.hpp"

namespace dunetrace::http {
namespace {

using testing::wait_until;

TEST(HttpPipelining, KeepsTheOrderBehindASlowRequest) {
  TestServer server;
  auto client = server.client();
  ASSERT_TRUE(client.send(get_request("/part/first") + get_request("/slow") + post_request("/echo", "third") +
                          get_request("/async?m=fourth")));
  EXPECT_EQ(client.read()->body, "first");
  ASSERT_TRUE(wait_until([&] { return server.waiting() == 1; }));
  EXPECT_EQ(server.client().ask(get_request("/part/other")).body, "other") << "other connections go on meanwhile";
  server.release();
  EXPECT_EQ(client.read()->body, R"({"slow":true})");
  EXPECT_EQ(client.read()->body, "third");
  EXPECT_EQ(client.read()->body, "fourth");
}

TEST(HttpPipelining, AnswersThousandsInOneGo) {
  TestServer server;
  auto client = server.client();
  constexpr int kRequests = 5000;
  std::string all;
  for (int i = 0; i < kRequests; ++i) {
    const auto n = std::to_string(i);
    all += i % 100 == 0 ? get_request("/part/" + n) : post_request("/echo", n);
  }
  std::jthread sender([&] { EXPECT_TRUE(client.send(all)); });
  auto reader = server.client();
  for (int i = 0; i < kRequests; ++i) ASSERT_EQ(client.read().value_or(Answer()).body, std::to_string(i));
}

TEST(HttpPipelining, AnswersAClientThatHasStoppedSending) {
  TestServer server;
  auto client = server.client();
  ASSERT_TRUE(client.send(get_request("/slow") + get_request("/part/last")));
  client.stop_sending();
  ASSERT_TRUE(wait_until([&] { return server.waiting() == 1; }));
  server.release();
  EXPECT_EQ(client.read()->status, 200);
  EXPECT_EQ(client.read()->body, "last");
  EXPECT_EQ(client.read_to_end(), "") << "then the server closes";
}

TEST(HttpPipelining, ForgetsRequestsBehindTheLastOne) {
  TestServer server;
  auto client = server.client();
  ASSERT_TRUE(client.send(get_request("/part/one", "Connection: close\r\n") + get_request("/part/two")));
  const auto all = client.read_to_end();
  ASSERT_TRUE(all);
  EXPECT_TRUE(all->ends_with("\r\n\r\none"));
}

TEST(HttpPipelining, EndsAConnectionThatPilesUpMoreThanALargeRequest) {
  ServerOptions options;
  options.max_body_bytes = 10'000;
  TestServer server(std::move(options));
  auto client = server.client();
  ASSERT_TRUE(client.send(get_request("/slow")));
  ASSERT_TRUE(wait_until([&] { return server.waiting() == 1; }));
  const std::string piece(10'000, 'x');
  EXPECT_TRUE(wait_until([&] { return !client.send(piece); })) << "the server took everything";
  server.release();
  EXPECT_EQ(server.client().ask(get_request("/livez")).status, 200);
}

}  // namespace
}  // namespace dunetrace::http
