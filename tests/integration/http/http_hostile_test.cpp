// Clients that do not read, do not write, leave early or come in crowds: they harm themselves only.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/resource.h>

#include <atomic>
#include <thread>

#include "http_fixture.hpp"
#include "testing/wait.hpp"

namespace dunetrace::http {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using testing::wait_until;

constexpr int kSmallBuffer = 4096;
constexpr auto* kHuge = "/text/20000000";  // more than the kernel takes from us for a client that does not read

std::chrono::duration<double> cpu_time() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return std::chrono::duration<double>(seconds(usage.ru_utime) + seconds(usage.ru_stime));
}

TEST(HttpHostile, DropsAClientThatNeverReadsAndServesTheOthers) {
  ServerOptions options;
  options.write_timeout = 700ms;
  TestServer server(std::move(options));
  std::vector<RawClient> stuck;
  for (int i = 0; i < 4; ++i) {  // both reading threads have some
    stuck.emplace_back(server.port(), "127.0.0.1", kSmallBuffer);
    ASSERT_TRUE(stuck.back().send(get_request(kHuge)));
  }
  for (int i = 0; i < 100; ++i) {
    const auto start = std::chrono::steady_clock::now();
    ASSERT_EQ(server.client().ask(get_request("/part/x")).body, "x");
    ASSERT_LT(std::chrono::steady_clock::now() - start, 5s);
  }
  ASSERT_TRUE(wait_until([&] { return server.refused("slow_reader") == 4; }));
  ASSERT_TRUE(wait_until([&] { return server.metric(R"(dunetrace_http_connections{service="test"})") == 0; }));
}

TEST(HttpHostile, WaitsForASlowClientWithoutBurningTime) {
  ServerOptions options;
  options.write_timeout = 1s;
  TestServer server(std::move(options));
  RawClient stuck(server.port(), "127.0.0.1", kSmallBuffer);
  ASSERT_TRUE(stuck.send(get_request(kHuge)));
  pollfd readable{stuck.fd(), POLLIN, 0};
  ASSERT_EQ(::poll(&readable, 1, 10'000), 1);  // the answer has begun
  const auto before = cpu_time();
  pollfd hung_up{stuck.fd(), POLLHUP, 0};
  static_cast<void>(::poll(&hung_up, 0, 500));  // time passes, the client stays stuck
  EXPECT_LT((cpu_time() - before).count(), 0.35) << "somebody polls in a loop";
}

TEST(HttpHostile, DeliversALargeAnswerToAClientThatReadsInItsOwnTime) {
  TestServer server;
  RawClient client(server.port(), "127.0.0.1", kSmallBuffer);
  ASSERT_TRUE(client.send(get_request(kHuge) + get_request("/part/next")));
  const auto answer = client.read();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->body, std::string(20'000'000, 'j'));
  EXPECT_EQ(client.read()->body, "next") << "the connection goes on behind the slow writer";
}

// Every answer carries the marker of its request. A client that reads must see its own and nothing else, while others
// leave with answers on the way and their descriptor numbers go to newcomers.
TEST(HttpHostile, GivesNobodyTheAnswerOfAnother) {
  TestServer server;
  std::atomic<int> foreign = 0;
  std::atomic<int> read = 0;
  const auto visit = [&](int thread) {
    for (int i = 0; i < 800; ++i) {
      const auto marker = std::to_string(thread) + "-" + std::to_string(i);
      RawClient client(server.port());
      if (!client.connected()) continue;
      const auto path = i % 3 == 0 ? "/async?m=" : "/part/";
      static_cast<void>(client.send(get_request(path + marker)));
      if (i % 4 != 0) {
        if (i % 2 == 0) client.reset();
        continue;  // gone without reading
      }
      client.stop_sending();
      const auto all = client.read_to_end().value_or("hangs");
      ++read;
      if (!all.starts_with("HTTP/1.1 200 ") || !all.ends_with("\r\n\r\n" + marker) ||
          all.find("HTTP/1.1", 9) != std::string::npos) {
        ++foreign;
        ADD_FAILURE() << marker << " got: " << all;
      }
    }
  };
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) threads.emplace_back(visit, t);
  }
  EXPECT_EQ(read, 800);
  EXPECT_EQ(foreign, 0);
  EXPECT_TRUE(wait_until([&] { return server.metric(R"(dunetrace_http_connections{service="test"})") == 0; }));
}

ServerOptions impatient() {
  ServerOptions options;
  options.idle_timeout = 300ms;
  return options;
}

TEST(HttpHostile, EndsSilentClients) {
  TestServer server(impatient());
  auto silent = server.client();
  auto kept = server.client();
  ASSERT_EQ(kept.ask(get_request("/part/x")).status, 200);
  EXPECT_EQ(silent.read_to_end(), "");
  EXPECT_EQ(kept.read_to_end(), "");
  EXPECT_TRUE(wait_until([&] { return server.refused("idle") == 2; }));
}

TEST(HttpHostile, EndsClientsThatDribble) {
  TestServer server(impatient());
  for (const std::string& request :
       {get_request("/part/x", "X: " + std::string(5000, 'a') + "\r\n"),
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\n" + std::string(5000, 'b')}) {
    auto client = server.client();
    pollfd answered{client.fd(), POLLIN, 0};
    std::size_t sent = 0;
    // A byte whenever nothing came back for 10 ms.
    while (::poll(&answered, 1, 10) == 0 && sent < 2000)
      ASSERT_TRUE(client.send(std::string_view(request).substr(sent++, 1)));
    const auto all = client.read_to_end();
    ASSERT_TRUE(all);
    EXPECT_THAT(*all, StartsWith("HTTP/1.1 408 "));
    EXPECT_LT(sent, 2000U);
  }
}

TEST(HttpHostile, DoesNotHurryAHandlerBecauseTheClientIsSilent) {
  TestServer server(impatient());
  auto client = server.client();
  ASSERT_TRUE(client.send(get_request("/slow")));
  const auto start = std::chrono::steady_clock::now();
  ASSERT_TRUE(wait_until([&] { return std::chrono::steady_clock::now() - start > 900ms; }));
  server.release();
  EXPECT_EQ(client.read().value_or(Answer()).status, 200);
}

TEST(HttpHostile, RefusesConnectionsAboveTheCap) {
  ServerOptions options;
  options.max_connections = 3;
  TestServer server(std::move(options));
  std::vector<RawClient> inside;
  for (int i = 0; i < 3; ++i) {
    inside.push_back(server.client());
    ASSERT_EQ(inside.back().ask(get_request("/part/x")).status, 200);
  }
  auto outside = server.client();
  EXPECT_EQ(outside.read().value_or(Answer()).status, 503);
  EXPECT_EQ(outside.read_to_end(), "");
  EXPECT_GE(server.refused("connection_limit"), 1);
  inside.pop_back();
  EXPECT_TRUE(wait_until([&] { return server.client().ask(get_request("/part/x")).status == 200; }));
}

TEST(HttpHostile, GoesOnAfterTheDescriptorsRanOut) {
  TestServer server;
  ASSERT_EQ(server.client().ask(get_request("/part/x")).status, 200);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const Fd lowest(::dup(0));
  const rlimit scarce{static_cast<rlim_t>(lowest.get()) + 120, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &scarce), 0);
  std::vector<RawClient> crowd;
  int turned_away = 0;
  while (turned_away < 5) {  // one after the other: the server itself refuses before nothing is left
    crowd.emplace_back(server.port());
    if (crowd.back().ask(get_request("/part/x")).status != 200) ++turned_away;
    ASSERT_LT(crowd.size(), 200U);
  }
  EXPECT_TRUE(wait_until([&] { return server.refused("descriptors") >= 5; }));
  EXPECT_EQ(crowd.front().ask(get_request("/part/x")).status, 200) << "who is in, stays in";
  int without_descriptor = 0;
  for (int i = 0; i < 200; ++i) {  // all at once: the kernel has none left for accept(), nor for us
    crowd.emplace_back(server.port());
    if (!crowd.back().connected()) ++without_descriptor;
  }
  EXPECT_GT(without_descriptor, 0) << "the descriptors never ran out";
  crowd.clear();
  EXPECT_TRUE(wait_until([&] { return server.client().ask(get_request("/part/x")).status == 200; }));
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_EQ(server.client().ask(get_request("/part/x")).status, 200);
}

}  // namespace
}  // namespace dunetrace::http
