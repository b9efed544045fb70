#include "plugin/destination.hpp"

#include <dunetrace/ext/clock.h>
#include <dunetrace/ext/metrics.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <stdexcept>

#include "outward_plugin.hpp"
#include "plugin/describe.hpp"
#include "plugin/host_services.hpp"

namespace dunetrace::plugin {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Outcome = Delivery::Outcome;

class DestinationTest : public ::testing::Test {
 protected:
  DestinationTest() {
    library_ = *describe(&fake_.plugin);
    entry_ = {&library_, &library_.components[0]};
    batch_.idempotency_key = "key-1";
    batch_.alerts.resize(2);
    batch_.alerts[1].title = "second";
    batch_.alerts[1].fixes = {{"a", "text", "b"}, {"c", "yaml", "d"}};
  }
  Delivery deliver(Deliver how) {
    on_deliver() = std::move(how);
    auto made = Destination::create(entry_, {std::string("https://a/b")}, services_);
    EXPECT_TRUE(made);
    return made->deliver(batch_);
  }
  // The destination sends this and says what came of it.
  dune_status exchange(dune_http_request request, dune_http_response& response, dune_error& error) {
    dune_status status = DUNE_OK;
    static_cast<void>(deliver([&](const dune_host* host, const auto*, auto*, auto*) -> dune_status {
      const auto* http =
          static_cast<const dune_host_http_v1*>(host->get_extension(host, to_str(DUNE_EXT_HOST_HTTP_V1)));
      EXPECT_NE(http, nullptr);
      status = http->send(host, &request, &response, &error);
      body_ = view(response.body);
      return DUNE_DELIVERED;
    }));
    return status;
  }
  static dune_http_request request() {
    dune_http_request out{};
    out.struct_size = sizeof out;
    out.method = to_str("POST");
    out.url = to_str("https://a/b");
    return out;
  }

  OutwardPlugin fake_;
  Library library_;
  Entry entry_;
  RememberingServices services_;
  AlertBatch batch_;
  std::string body_;
};

TEST_F(DestinationTest, HandsOverTheBatch) {
  batch_.attempt = 3;
  batch_.deadline = 1500ms;
  const auto done = deliver([](const dune_host*, const dune_alert_batch* batch, auto*, auto*) -> dune_status {
    EXPECT_EQ(batch->attempt, 3U);
    EXPECT_EQ(batch->deadline_ms, 1500);
    EXPECT_EQ(view(batch->idempotency_key), "key-1");
    EXPECT_EQ(batch->alerts.count, 2U);
    const auto* second = DUNE_AT(batch->alerts, dune_alert, 1);
    EXPECT_EQ(view(second->title), "second");
    EXPECT_EQ(view(second->evidence_json), "{}");
    EXPECT_EQ(second->fix_count, 2U);
    EXPECT_EQ(view(second->fixes[1].language), "yaml");
    return DUNE_DELIVERED;
  });
  EXPECT_EQ(done.outcome, Outcome::delivered);
  EXPECT_EQ(created_with(), "https://a/b");
}

TEST_F(DestinationTest, OutcomesAreWhatThePluginSays) {
  const auto rejected = deliver([](auto*, auto*, auto*, dune_error* error) -> dune_status {
    static_cast<void>(failure(error, DUNE_OK, "HTTP 404"));
    return DUNE_REJECTED;
  });
  EXPECT_EQ(rejected.outcome, Outcome::rejected);
  EXPECT_EQ(rejected.text, "HTTP 404");
  const auto retry_in = [&](std::int64_t ms) {
    return deliver([ms](auto*, auto*, dune_delivery* out, auto*) -> dune_status {
      out->retry_after_ms = ms;
      return DUNE_RETRY_LATER;
    });
  };
  EXPECT_EQ(retry_in(2500).outcome, Outcome::retry);
  EXPECT_EQ(retry_in(2500).retry_after, 2500ms);
  EXPECT_EQ(retry_in(0).retry_after, std::nullopt);
  EXPECT_EQ(retry_in(-5).retry_after, std::nullopt);
  EXPECT_EQ(retry_in(INT64_MAX).retry_after, 24h);
}

TEST_F(DestinationTest, FailuresAndNonsenseAreFailures) {
  const auto failed =
      deliver([](auto*, auto*, auto*, dune_error* error) { return failure(error, DUNE_E_DENIED, "not allowed"); });
  EXPECT_EQ(failed.outcome, Outcome::failed);
  EXPECT_EQ(failed.text, "not allowed");
  EXPECT_THAT(deliver([](auto*, auto*, auto*, auto*) -> dune_status { return 77; }).text, HasSubstr("outcome 77"));
  EXPECT_THAT(deliver([](auto*, auto*, auto*, auto*) -> dune_status { throw std::runtime_error("oops"); }).text,
              HasSubstr("oops"));
  const auto garbage = deliver([](auto*, auto*, auto*, dune_error* error) -> dune_status {
    error->message_len = 4'000'000'000U;
    std::memset(error->message, 0xFF, sizeof error->message);
    return DUNE_E_IO;
  });
  EXPECT_EQ(garbage.outcome, Outcome::failed);
  EXPECT_THAT(garbage.text, HasSubstr("\xEF\xBF\xBD")) << "repaired";
}

TEST_F(DestinationTest, TakesNoMoreThanItSays) {
  batch_.alerts.resize(3);
  EXPECT_THAT(deliver({}).text, HasSubstr("takes 1 to 2"));
  batch_.alerts.clear();
  EXPECT_EQ(deliver({}).outcome, Outcome::failed);
}

TEST_F(DestinationTest, AFailingCreateSaysWhy) {
  fake_.alert.create = [](const dune_host*, const dune_config*, void** out, dune_error* error) -> dune_status {
    *out = reinterpret_cast<void*>(0x1);  // must not be destroyed
    return failure(error, DUNE_E_CONFIG, "no such room");
  };
  const auto made = Destination::create(entry_, {std::string()}, services_);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().text, "post: create: no such room");
}

TEST_F(DestinationTest, SendsThroughTheServices) {
  const dune_header headers[] = {{to_str("X-A"), to_str("1")}, {to_str("X-B"), {nullptr, 0}}};
  auto asked = request();
  asked.body = to_str("{}");
  asked.headers = headers;
  asked.header_count = 2;
  services_.reply = HttpReply{429, "busy", 0ms};
  dune_http_response response{};
  response.struct_size = sizeof response;
  dune_error error{};
  ASSERT_EQ(exchange(asked, response, error), DUNE_OK);
  EXPECT_EQ(response.status, 429);
  EXPECT_EQ(body_, "busy");
  EXPECT_EQ(response.retry_after_ms, 1) << "0 would read as: did not say";
  ASSERT_EQ(services_.requests.size(), 1U);
  EXPECT_EQ(services_.requests[0].method, "POST");
  EXPECT_THAT(services_.requests[0].headers, ElementsAre(std::pair("X-A", "1"), std::pair("X-B", "")));
  EXPECT_LE(services_.requests[0].timeout, 10s);
}

TEST_F(DestinationTest, RequestsAreOverWithTheDeadline) {
  batch_.deadline = 100ms;
  auto asked = request();
  asked.timeout_ms = UINT32_MAX;
  dune_http_response response{};
  dune_error error{};
  ASSERT_EQ(exchange(asked, response, error), DUNE_OK) << "a response record without its size is one of 1.0";
  EXPECT_LE(services_.requests[0].timeout, 100ms);
  batch_.deadline = 0ms;
  EXPECT_EQ(exchange(asked, response, error), DUNE_E_TIMEOUT);
  EXPECT_EQ(services_.requests.size(), 1U) << "nothing is sent any more";
}

TEST_F(DestinationTest, AnAnswerThatIsTooLongTellsItsStatus) {
  services_.reply = HttpReply{201, std::string(kMaxHttpReplyBytes + 1, 'x'), std::nullopt};
  dune_http_response response{};
  dune_error error{};
  EXPECT_EQ(exchange(request(), response, error), DUNE_E_LIMIT);
  EXPECT_EQ(response.status, 201);
  EXPECT_EQ(body_, "");
}

TEST_F(DestinationTest, MisshapenRequestsAreRefused) {
  dune_http_response response{};
  dune_error error{};
  const auto refused = [&](auto bend) {
    auto asked = request();
    bend(asked);
    return exchange(asked, response, error);
  };
  EXPECT_EQ(refused([](auto& r) { r.struct_size = 8; }), DUNE_E_INVALID);
  EXPECT_EQ(refused([](auto& r) { r.struct_size = 1 << 20; }), DUNE_E_INVALID);
  EXPECT_EQ(refused([](auto& r) { r.url = {nullptr, 5}; }), DUNE_E_INVALID);
  EXPECT_EQ(refused([](auto& r) { r.header_count = 1; }), DUNE_E_INVALID);
  EXPECT_EQ(refused([](auto& r) { r.header_count = 1'000'000; }), DUNE_E_INVALID);
  EXPECT_EQ(refused([](auto& r) { r.url.len = 1 << 30; }), DUNE_E_INVALID) << "not read before it is measured";
  EXPECT_EQ(refused([](auto& r) { r.body = {"x", kMaxHttpBodyBytes + 1}; }), DUNE_E_LIMIT);
  EXPECT_TRUE(services_.requests.empty());
}

TEST_F(DestinationTest, ErrorsOfTheServicesHaveTheirStatus) {
  for (const auto& [code, status] :
       {std::pair(Code::denied, DUNE_E_DENIED), std::pair(Code::timeout, DUNE_E_TIMEOUT),
        std::pair(Code::unavailable, DUNE_E_IO), std::pair(Code::invalid_argument, DUNE_E_INVALID)}) {
    services_.reply = fail(code, "because");
    dune_http_response response{};
    dune_error error{};
    EXPECT_EQ(exchange(request(), response, error), static_cast<dune_status>(status));
    EXPECT_EQ(std::string(error.message, error.message_len), "because");
  }
}

TEST_F(DestinationTest, HasClockAndMetrics) {
  services_.figure_reply = fail(Code::denied, "a seventeenth");
  static_cast<void>(deliver([&](const dune_host* host, auto*, auto*, auto*) -> dune_status {
    const auto* clock =
        static_cast<const dune_host_clock_v1*>(host->get_extension(host, to_str(DUNE_EXT_HOST_CLOCK_V1)));
    EXPECT_GT(clock->unix_seconds(host), 1.6e9);
    const auto before = clock->monotonic_ms(host);
    EXPECT_GE(clock->monotonic_ms(host), before);
    const auto* metrics =
        static_cast<const dune_host_metrics_v1*>(host->get_extension(host, to_str(DUNE_EXT_HOST_METRICS_V1)));
    EXPECT_EQ(metrics->counter_add(host, to_str("posts"), 1), DUNE_E_LIMIT);
    services_.figure_reply = fail(Code::invalid_argument, "no name");
    EXPECT_EQ(metrics->histogram_observe(host, to_str("Bad"), 1), DUNE_E_INVALID);
    services_.figure_reply = {};
    EXPECT_EQ(metrics->counter_add(host, to_str("posts"), 1), DUNE_OK);
    return DUNE_DELIVERED;
  }));
  EXPECT_THAT(services_.figures, ElementsAre("posts", "Bad", "posts"));
}

TEST(Grants, DetectorsGetNeitherClockNorHttp) {
  Component component;
  component.schema.id = "odd_run";
  component.schema.kind = "detector";
  RememberingServices services;
  HostServices host(component, services);
  const auto* raw = host.raw();
  EXPECT_NE(raw->get_extension(raw, to_str(DUNE_EXT_HOST_JSON_V1)), nullptr);
  EXPECT_NE(raw->get_extension(raw, to_str(DUNE_EXT_HOST_METRICS_V1)), nullptr);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(raw->get_extension(raw, to_str(DUNE_EXT_HOST_HTTP_V1)), nullptr);
    EXPECT_EQ(raw->get_extension(raw, to_str(DUNE_EXT_HOST_CLOCK_V1)), nullptr);
    EXPECT_EQ(raw->get_extension(raw, to_str("com.example.trace/2")), nullptr);
  }
  EXPECT_THAT(services.lines,
              ElementsAre("odd_run: asked for extension 'dune.host.http/1': only destinations and integrations get it",
                          "odd_run: asked for extension 'dune.host.clock/1': only destinations and integrations get it",
                          "odd_run: asked for extension 'com.example.trace/2': this host does not know it"))
      << "told once each";
}

TEST(Grants, NoPluginFillsTheLogWithIds) {
  Component component;
  component.schema.kind = "alert";
  RememberingServices services;
  HostServices host(component, services);
  for (int i = 0; i < 1000; ++i) {
    EXPECT_EQ(host.raw()->get_extension(host.raw(), to_str("x" + std::to_string(i))), nullptr);
  }
  EXPECT_LE(services.lines.size(), 16U);
}

}  // namespace
}  // namespace dunetrace::plugin
