// The C++ layers of the SDK for destinations and integrations, against a host of a few lines. No header of the host:
// the layers have names of their own for the same things.
#include <gtest/gtest.h>
#include <dunetrace/alert.hpp>
#include <dunetrace/integration.hpp>

#include <limits>

namespace dunetrace {
namespace {

using std::chrono::milliseconds;

HttpReply answered(int status, dune_status error = DUNE_OK) {
  HttpReply reply;
  reply.status = status;
  reply.error = error;
  reply.why = "why";
  return reply;
}

TEST(DeliveryOf, MapsAnswersToOutcomes) {
  for (const int status : {200, 201, 204, 299}) EXPECT_EQ(delivery_of(answered(status)).outcome, DUNE_DELIVERED);
  for (const int status : {408, 425, 429, 500, 502, 503, 599}) {
    EXPECT_EQ(delivery_of(answered(status)).outcome, DUNE_RETRY_LATER) << status;
  }
  for (const int status : {300, 302, 400, 401, 403, 404, 409, 410, 422, 426}) {
    EXPECT_EQ(delivery_of(answered(status)).outcome, DUNE_REJECTED) << status;
  }
  auto busy = answered(429);
  busy.retry_after = milliseconds(1500);
  EXPECT_EQ(delivery_of(busy).retry_after, milliseconds(1500));
  EXPECT_EQ(delivery_of(busy).text, "HTTP 429");
}

TEST(DeliveryOf, MapsWhatDidNotArrive) {
  EXPECT_EQ(delivery_of(answered(0, DUNE_E_IO)).outcome, DUNE_RETRY_LATER);
  EXPECT_EQ(delivery_of(answered(0, DUNE_E_TIMEOUT)).text, "why");
  EXPECT_EQ(delivery_of(answered(200, DUNE_E_LIMIT)).outcome, DUNE_DELIVERED) << "its answer was too long, that is all";
  EXPECT_EQ(delivery_of(answered(500, DUNE_E_LIMIT)).outcome, DUNE_RETRY_LATER);
  for (const auto error : {DUNE_E_DENIED, DUNE_E_INVALID, DUNE_E_LIMIT, DUNE_E_INTERNAL}) {
    EXPECT_THROW(static_cast<void>(delivery_of(answered(0, error))), Failure) << error;
  }
}

TEST(JsonText, WritesWhatAParserReads) {
  JsonText json;
  json.begin_object()
      .value("text", "a\"b\\c\nd\x01")
      .value("none", nullptr)
      .value("maybe", std::optional<int>())
      .value("yes", true)
      .value("whole", std::int64_t{-3})
      .value("third", 1.0 / 3)
      .value("round", 2.0)
      .value("nan", std::numeric_limits<double>::quiet_NaN());
  json.key("list").begin_array().value(1).raw("{\"x\":1}").begin_array().end_array().end_array();
  json.key("empty").begin_object().end_object().end_object();
  EXPECT_EQ(json.take(),
            "{\"text\":\"a\\\"b\\\\c\\nd\\u0001\",\"none\":null,\"maybe\":null,\"yes\":true,\"whole\":-3,"
            "\"third\":0.3333333333333333,\"round\":2,\"nan\":null,\"list\":[1,{\"x\":1},[]],\"empty\":{}}");
}

// A host that answers every request alike.
struct SmallHost {
  dune_host host{};
  dune_host_http_v1 http{};
  std::vector<std::pair<std::string, std::string>> headers;
  int status = 200;

  SmallHost() {
    host.struct_size = sizeof host;
    host.impl = this;
    host.get_extension = [](const dune_host* h, dune_str id) -> const void* {
      return view(id) == DUNE_EXT_HOST_HTTP_V1 ? &static_cast<SmallHost*>(h->impl)->http : nullptr;
    };
    http = {sizeof http, 1000,
            [](const dune_host* h, const dune_http_request* request, dune_http_response* response,
               dune_error*) -> dune_status {
              auto& self = *static_cast<SmallHost*>(h->impl);
              for (std::uint32_t i = 0; i < request->header_count; ++i) {
                self.headers.emplace_back(view(request->headers[i].name), view(request->headers[i].value));
              }
              response->status = self.status;
              response->retry_after_ms = 700;
              return DUNE_OK;
            }};
  }
};

struct Post : HttpAlert {
  struct Params {
    std::string url, token;
  };
  static constexpr const char *plugin_id = "test.post", *vendor = "Test", *version = "1.0.0", *license = "MIT",
                              *id = "post", *title = "Post", *doc = "d";
  static constexpr std::uint32_t max_batch = 7;
  static constexpr auto params =
      std::make_tuple(secret(required(&Params::url, "url", "", "d")), param(&Params::token, "token", "t", "", "d"));
  static const char* check(const Params& p) { return p.url == "bad" ? "a bad url" : nullptr; }
  Post(const Params& values, Host host) : HttpAlert(host), url(values.url) {}
  HttpRequest request(const AlertBatch&) const {
    HttpRequest out;
    out.url = url;
    return out;
  }
  std::string url;
};

const dune_plugin& post() { return *detail::AlertThunk<Post>::plugin(); }

TEST(AlertLayer, DescribesTheClass) {
  const auto& component = post().components[0];
  EXPECT_EQ(view(component.iface), DUNE_IFACE_ALERT_V1);
  EXPECT_EQ(static_cast<const dune_alert_v1*>(component.vtable)->max_batch, 7U);
  ASSERT_EQ(component.param_count, 2U);
  EXPECT_EQ(component.params[0].flags, static_cast<std::uint32_t>(DUNE_PARAM_REQUIRED | DUNE_PARAM_SECRET));
  EXPECT_EQ(component.params[0].type, static_cast<std::uint32_t>(DUNE_VALUE_STRING));
  EXPECT_EQ(component.params[0].def.type, static_cast<std::uint32_t>(DUNE_VALUE_NONE));
  EXPECT_EQ(component.params[1].flags, 0U);
  EXPECT_EQ(view(component.params[1].def.as.s), "t");
}

TEST(AlertLayer, DeliversWithTheKeyAndSaysWhatCameOfIt) {
  SmallHost host;
  dune_value values[2]{};
  values[0].type = values[1].type = DUNE_VALUE_STRING;
  values[0].as.s = lit("https://a");
  dune_config config{sizeof config, 2, values, {}};
  const auto& table = *static_cast<const dune_alert_v1*>(post().components[0].vtable);
  void* instance = nullptr;
  dune_error error{};
  ASSERT_EQ(table.create(&host.host, &config, &instance, &error), DUNE_OK);
  dune_alert_batch batch{};
  batch.struct_size = sizeof batch;
  batch.idempotency_key = lit("key-1");
  dune_delivery delivery{sizeof delivery, 0, 0};
  EXPECT_EQ(table.deliver(instance, &batch, &delivery, &error), DUNE_DELIVERED);
  EXPECT_EQ(host.headers, (std::vector<std::pair<std::string, std::string>>{{"Idempotency-Key", "key-1"}}));
  host.status = 503;
  EXPECT_EQ(table.deliver(instance, &batch, &delivery, &error), DUNE_RETRY_LATER);
  EXPECT_EQ(delivery.retry_after_ms, 700);
  EXPECT_EQ(std::string(error.message, error.message_len), "HTTP 503");
  table.destroy(instance);

  values[0].as.s = lit("bad");
  EXPECT_EQ(table.create(&host.host, &config, &instance, &error), DUNE_E_CONFIG);
  EXPECT_EQ(std::string(error.message, error.message_len), "a bad url");
  config.value_count = 1;
  EXPECT_EQ(table.create(&host.host, &config, &instance, &error), DUNE_E_INVALID);
  host.host.get_extension = [](const dune_host*, dune_str) -> const void* { return nullptr; };
  config.value_count = 2;
  values[0].as.s = lit("https://a");
  EXPECT_EQ(table.create(&host.host, &config, &instance, &error), DUNE_E_UNSUPPORTED) << "not granted";
}

struct Desk {
  struct Params {};
  static constexpr const char *plugin_id = "test.desk", *vendor = "Test", *version = "1.0.0", *license = "MIT",
                              *id = "desk", *title = "Desk", *doc = "d";
  static constexpr auto params = std::make_tuple();
  static constexpr dune_action actions[] = {action("list", "List", "d", "{}"), mutating("open", "Open", "d", "{}")};
  explicit Desk(const Params&) {}
  void invoke(const Call& call, JsonWriter&) const {
    throw Failure(DUNE_E_IO, std::string(call.action()) + (call.dry_run() ? " as if" : ""));
  }
};

TEST(IntegrationLayer, DescribesActionsAndTurnsExceptionsIntoReasons) {
  const auto& component = detail::IntegrationThunk<Desk>::plugin()->components[0];
  const auto& table = *static_cast<const dune_integration_v1*>(component.vtable);
  ASSERT_EQ(table.action_count, 2U);
  EXPECT_EQ(table.actions[0].mutates, 0U);
  EXPECT_EQ(table.actions[1].mutates, 1U);
  dune_config config{sizeof config, 0, nullptr, {}};
  void* instance = nullptr;
  dune_error error{};
  ASSERT_EQ(table.create(nullptr, &config, &instance, &error), DUNE_OK);
  dune_call call{};
  call.struct_size = sizeof call;
  call.action = lit("open");
  call.dry_run = 1;
  EXPECT_EQ(table.invoke(instance, &call, nullptr, &error), DUNE_E_IO);
  EXPECT_EQ(std::string(error.message, error.message_len), "open as if");
  table.destroy(instance);
}

}  // namespace
}  // namespace dunetrace
