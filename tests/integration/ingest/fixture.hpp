// The ingest role on a real PostgreSQL, spoken to over real sockets.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "core/clock.hpp"
#include "http/client.hpp"
#include "ingest/role.hpp"
#include "json/reader.hpp"
#include "testing/postgres.hpp"
#include "testing/wait.hpp"

namespace dunetrace::ingest {

// count events of one run, steps from `first`; the last one is run.completed when `finished`.
inline std::string run_events(const std::string& run, int first, int count, bool finished,
                              const std::string& agent = "agent") {
  std::string text;
  for (int i = first; i < first + count; ++i) {
    const bool last = finished && i == first + count - 1;
    const auto step = std::to_string(i);
    if (!text.empty()) text += ",";
    text += R"({"event_type":")" +
            std::string(last     ? "run.completed"
                        : i == 0 ? "run.started"
                                 : "tool.called") +
            R"(","run_id":")" + run + R"(","agent_id":")" + agent + R"(","agent_version":"v1","step_index":)" + step +
            R"(,"timestamp":)" + std::to_string(1767225600 + i) + R"(,"payload":{"n":)" + step + "}}";
  }
  return text;
}

inline std::string batch(const std::string& events, const std::string& key = "", const std::string& agent = "agent") {
  return R"({"api_key":")" + key + R"(","agent_id":")" + agent + R"(","events":[)" + events + "]}";
}

class IngestTest : public ::testing::Test {
 protected:
  void start(const config::Environment::Variables& variables = {}) {
    auto all = variables;
    all.try_emplace("HOME", "/nonexistent");
    all.try_emplace("DUNETRACE_INGEST_PORT", "0");
    all.try_emplace("DUNETRACE_DATA_DIR", data_dir.path().string());
    auto settings = config::Settings::from(config::Environment::from(all, "", ".env").value(), false);
    ASSERT_TRUE(settings) << settings.error().text;
    auto opened = Role::open(*settings, database.db(), database.log().logger(), database.metrics(), clock);
    ASSERT_TRUE(opened) << opened.error().text;
    role = std::move(*opened);
  }

  [[nodiscard]] std::string url(const std::string& path = "/v1/ingest") const {
    return "http://127.0.0.1:" + std::to_string(role->port()) + path;
  }

  http::ClientResponse post(const std::string& body, const http::Headers& headers = {}) {
    http::Client client;
    auto answer = client.send(http::Method::post, url(), headers, body, std::chrono::seconds(15));
    EXPECT_TRUE(answer) << answer.error().text;
    return answer ? std::move(*answer) : http::ClientResponse{};
  }

  http::ClientResponse get(const std::string& path) {
    http::Client client;
    auto answer = client.send(http::Method::get, url(path), {}, "", std::chrono::seconds(15));
    EXPECT_TRUE(answer) << answer.error().text;
    return answer ? std::move(*answer) : http::ClientResponse{};
  }

  [[nodiscard]] bool stored(int events) {
    return testing::wait_until([&] { return count() >= events; }) && count() == events;
  }
  [[nodiscard]] int count() const { return std::stoi(database.scalar("SELECT count(*) FROM events")); }

  static std::string detail(const http::ClientResponse& answer) {
    json::Parser parser;
    const auto root = parser.parse(answer.body);
    if (!root) return "no JSON: " + answer.body;
    return std::string((*root)["detail"].string().value_or("no detail text: " + answer.body));
  }

  const testing::TempDir data_dir;
  testing::TestDatabase database;
  SystemClock clock;
  std::unique_ptr<Role> role;  // last: it uses the rest
};

}  // namespace dunetrace::ingest
