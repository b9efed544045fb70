// Five thousand clients at once. Each takes three descriptors of this process: its own and two of the server.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include "http_fixture.hpp"

namespace dunetrace::http {
namespace {

constexpr std::size_t kClients = 5000;

TEST(HttpMany, ServesFiveThousandConnectionsAtOnce) {
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  if (limit.rlim_max < kClients * 3 + 500) {
    GTEST_SKIP() << "needs " << kClients * 3 + 500 << " descriptors, the hard limit (ulimit -Hn) is " << limit.rlim_max;
  }
  TestServer server;  // raises the soft limit
  std::vector<RawClient> clients;
  clients.reserve(kClients);
  const auto start = std::chrono::steady_clock::now();
  for (std::size_t i = 0; i < kClients; ++i) {
    clients.emplace_back(server.port());
    ASSERT_TRUE(clients.back().connected()) << i;
  }
  // A short backlog loses connections and costs a second for each burst: 25 s instead of well below one.
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(8));
  for (std::size_t i = 0; i < kClients; ++i) ASSERT_TRUE(clients[i].send(post_request("/echo", std::to_string(i))));
  for (std::size_t i = 0; i < kClients; ++i) ASSERT_EQ(clients[i].read().value_or(Answer()).body, std::to_string(i));
  EXPECT_EQ(server.metric(R"(dunetrace_http_connections{service="test"})"), kClients);
}

}  // namespace
}  // namespace dunetrace::http
