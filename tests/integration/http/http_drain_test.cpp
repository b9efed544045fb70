// Ending: nothing that was finished is lost, nothing hangs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <mutex>
#include <thread>

#include "http_fixture.hpp"
#include "testing/wait.hpp"

namespace dunetrace::http {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using testing::wait_until;

TEST(HttpDrain, FinishesWhatRunsAndRefusesWhatComes) {
  TestServer server;
  std::vector<RawClient> running;
  for (int i = 0; i < 3; ++i) {
    running.push_back(server.client());
    ASSERT_TRUE(running.back().send(get_request("/slow")));
  }
  auto idle = server.client();
  auto watcher = server.client();
  ASSERT_EQ(idle.ask(get_request("/part/x")).status, 200);
  ASSERT_TRUE(wait_until([&] { return server.waiting() == 3; }));
  auto drained = std::async(std::launch::async, [&] { return server.server().drain(20s); });
  ASSERT_TRUE(wait_until([&] { return server.client().ask(get_request("/part/x")).status == 503; }));
  const auto refused = idle.ask(get_request("/part/x"));
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.header("Connection"), "close");
  EXPECT_EQ(refused.header("Retry-After"), "1");
  EXPECT_EQ(watcher.ask(get_request("/livez")).status, 200) << "draining is not dead";
  EXPECT_EQ(drained.wait_for(0s), std::future_status::timeout);
  server.release();
  for (auto& client : running) {
    const auto answer = client.read().value_or(Answer());
    EXPECT_EQ(answer.body, R"({"slow":true})");
    EXPECT_EQ(answer.header("Connection"), "close");
  }
  EXPECT_TRUE(drained.get());
  EXPECT_GE(server.refused("draining"), 2);
}

TEST(HttpDrain, SaysWhenTheLimitPassedFirst) {
  TestServer server;
  auto client = server.client();
  ASSERT_TRUE(client.send(get_request("/slow")));
  ASSERT_TRUE(wait_until([&] { return server.waiting() == 1; }));
  EXPECT_FALSE(server.server().drain(20ms));
  server.release();
  EXPECT_EQ(client.read().value_or(Answer()).status, 200);
  EXPECT_TRUE(server.server().drain(10s));
}

TEST(HttpDrain, WritesLargeAnswersToTheEnd) {
  TestServer server;
  RawClient client(server.port(), "127.0.0.1", 4096);
  ASSERT_TRUE(client.send(get_request("/text/20000000")));
  ASSERT_TRUE(wait_until([&] { return server.metrics().find("route=\"/text/{n}\"") != std::string::npos; }));
  std::jthread closer([&] { server.close(); });
  EXPECT_EQ(client.read().value_or(Answer()).body.size(), 20'000'000U);
}

TEST(HttpDrain, LosesNoAnswerWhenTheServerEnds) {
  constexpr std::size_t kClients = 20;
  for (int round = 0; round < 20; ++round) {
    std::mutex mutex;
    std::vector<Responder> open;
    Router router;
    router.add(Method::get, "/later", [&](const Request&, Responder responder) {
      const std::lock_guard lock(mutex);
      open.push_back(std::move(responder));
    });
    TestServer server({}, std::move(router));
    std::vector<RawClient> clients;
    for (std::size_t i = 0; i < kClients; ++i) {
      clients.push_back(server.client());
      ASSERT_TRUE(clients.back().send(get_request("/later")));
    }
    ASSERT_TRUE(wait_until([&] {
      const std::lock_guard lock(mutex);
      return open.size() == kClients;
    }));
    std::jthread closer([&] { server.close(); });
    for (auto& responder : open) responder.send(Response::json(200, "finished"));
    for (auto& client : clients) {
      const auto all = client.read_to_end();
      ASSERT_TRUE(all);
      ASSERT_TRUE(all->ends_with("\r\n\r\nfinished")) << *all;
      client.stop_sending();
    }
  }
}

TEST(HttpDrain, DoesNotWaitForClientsThatDoNothing) {
  TestServer server;
  std::vector<RawClient> idle;
  for (int i = 0; i < 50; ++i) {
    idle.push_back(server.client());
    if (i % 2 == 0) {
      ASSERT_EQ(idle.back().ask(get_request("/part/x")).status, 200);
    }
    if (i % 5 == 0) {
      ASSERT_TRUE(idle.back().send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Le"));
    }
  }
  // A connection that the kernel has taken and the transport not yet handed over is the process's to close, not the
  // server's.
  ASSERT_TRUE(wait_until([&] { return server.metric("dunetrace_http_connections{service=\"test\"}") == 50; }));
  const auto start = std::chrono::steady_clock::now();
  server.close();
  EXPECT_LT(std::chrono::steady_clock::now() - start, 5s);
  for (auto& client : idle) {
    const auto all = client.read_to_end();
    ASSERT_TRUE(all);
    // Whoever had not been heard yet may be told so.
    EXPECT_TRUE(all->empty() || all->starts_with("HTTP/1.1 503 ")) << *all;
  }
}

// Handlers refer to the role that made them; a late answerer, who keeps the port's memory alive, may not keep them.
TEST(HttpDrain, DestroysItsHandlersBeforeItReturns) {
  auto token = std::make_shared<int>(1);
  const std::weak_ptr<int> watched = token;
  std::optional<Responder> late;
  std::atomic<bool> asked = false;
  Router router;
  // Nobody waits for probes, so this one may stay open over the end of the server.
  router.add(Method::get, "/livez", [&, held = std::move(token)](const Request&, Responder responder) {
    late = std::move(responder);
    asked = true;
  });
  TestServer server({}, std::move(router));
  ASSERT_TRUE(server.server().drain(10s));
  auto client = server.client();
  ASSERT_TRUE(client.send(get_request("/livez")));
  ASSERT_TRUE(wait_until([&] { return asked.load(); }));
  server.close();
  EXPECT_TRUE(watched.expired());
  late->send(Response::json(200, "too late"));
}

TEST(HttpDrain, TakesAnAnswerThatComesAfterTheEnd) {
  std::optional<Responder> late;
  std::atomic<bool> asked = false;
  {
    Router router;
    router.add(Method::get, "/late", [&](const Request&, Responder responder) {
      late = std::move(responder);
      asked = true;
    });
    TestServer server({}, std::move(router));
    auto client = server.client();
    ASSERT_TRUE(client.send(get_request("/late")));
    ASSERT_TRUE(wait_until([&] { return asked.load(); }));
    EXPECT_FALSE(server.server().drain(10ms));
    server.close();
    EXPECT_EQ(client.read_to_end(), "");
  }
  late->send(Response::json(200, "too late"));
  late.reset();
}

}  // namespace
}  // namespace dunetrace::http
