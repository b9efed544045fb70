// The fake host as destinations and integrations see it.
#include <gtest/gtest.h>
#include <dunetrace/testing/alert.hpp>
#include <dunetrace/testing/integration.hpp>

namespace dunetrace::testing {
namespace {

struct Post : HttpAlert {
  struct Params {
    std::string url;
  };
  static constexpr const char *plugin_id = "test.post", *vendor = "Test", *version = "1.0.0", *license = "MIT",
                              *id = "post", *title = "Post", *doc = "Posts.";
  static constexpr std::uint32_t max_batch = 5;
  static constexpr auto params = std::make_tuple(secret(required(&Params::url, "url", "", "Where.")));
  Post(const Params& p, Host host) : HttpAlert(host), url_(p.url), clock_(host), metrics_(host) {}
  HttpRequest request(const AlertBatch& batch) const {
    HttpRequest out;
    out.url = url_;
    out.body = std::string(batch.alerts().back().title()) + " " + std::to_string(batch.alerts().back().fix_count()) +
               " " + std::to_string(batch.attempt()) + " " + std::to_string(static_cast<long>(clock_.unix_seconds()));
    metrics_.add("posts", 1);
    return out;
  }

 private:
  std::string url_;
  Clock clock_;
  Metrics metrics_;
};

TEST(KitAlert, DeliversToTheFakeHost) {
  FakeHost host;
  host.reply(200).reply({503, "", 9000, DUNE_OK}).reply(400).refuse(DUNE_E_IO, "reset").refuse(DUNE_E_DENIED, "policy");
  host.set_time(1000);
  SampleAlert second;
  second.title = "second";
  second.fixes = {{"a", "text", "b"}};
  const Settings url = {{"url", "https://x.example"}};
  Attempt again;
  again.number = 2;
  again.idempotency_key = "key-2";
  EXPECT_EQ(deliver<Post>(host, url, {SampleAlert(), second}, again).outcome, DUNE_DELIVERED);
  const auto later = deliver<Post>(host, url, {second});
  EXPECT_EQ(later.outcome, DUNE_RETRY_LATER);
  EXPECT_EQ(later.retry_after_ms, 9000);
  EXPECT_EQ(later.text, "HTTP 503");
  EXPECT_EQ(deliver<Post>(host, url, {second}).outcome, DUNE_REJECTED);
  EXPECT_EQ(deliver<Post>(host, url, {second}).outcome, DUNE_RETRY_LATER);
  const auto denied = deliver<Post>(host, url, {second});
  EXPECT_EQ(denied.outcome, DUNE_E_DENIED);
  EXPECT_EQ(denied.text, "policy");
  ASSERT_EQ(host.requests().size(), 5U);
  EXPECT_EQ(host.requests()[0].body, "second 1 2 1000");
  EXPECT_EQ(host.requests()[0].header("Idempotency-Key"), "key-2");
  EXPECT_EQ(host.counter("posts"), 5);
  EXPECT_THROW(deliver<Post>(host, {}, {second}), Failed);
}

TEST(KitAlert, AHostThatGrantsNothingIsAFailure) {
  FakeHost host;
  host.withhold(DUNE_EXT_HOST_HTTP_V1);
  EXPECT_THROW(deliver<Post>(host, {{"url", "u"}}, {SampleAlert()}), Failed);
}

struct Desk {
  struct Params {};
  static constexpr const char *plugin_id = "test.desk", *vendor = "Test", *version = "1.0.0", *license = "MIT",
                              *id = "desk", *title = "Desk", *doc = "Desk.";
  static constexpr auto params = std::make_tuple();
  static constexpr dune_action actions[] = {mutating("do", "Do", "Does.", "{}"), action("wrong", "W", "W.", "{}")};
  Desk(const Params&, Host host) : json_(host) {}
  void invoke(const Call& call, JsonWriter& result) const {
    if (call.action() == "wrong") {
      result.key("nothing open");
      return;
    }
    if (!json_.string(call.input(), "/name")) throw Failure(DUNE_E_INVALID, "no name");
    result.object([&](auto& out) {
      out.value("dry", call.dry_run()).value("name", *json_.string(call.input(), "/name"));
      out.value("n", json_.i64(call.input(), "/list/1").value_or(-1))
          .value("len", json_.array_len(call.input(), "/list"));
      out.value("half", json_.f64(call.input(), "/half")).raw("raw", json_.raw(call.input(), "/list").value_or("null"));
      out.value("yes", json_.boolean(call.input(), "/yes")).value("text", json_.i64(call.input(), "/name"));
    });
  }

 private:
  JsonReader json_;
};

TEST(KitIntegration, InvokesAndReadsJson) {
  const FakeHost host;
  const auto answer = invoke<Desk>(host, {}, "do", R"({"name":"a\"b","list":[1, 2],"half":0.5,"yes":true})", dry_run);
  EXPECT_EQ(answer.status, DUNE_OK);
  EXPECT_EQ(answer.result.dump(),
            R"({"dry":true,"name":"a\"b","n":2,"len":2,"half":0.5,"raw":[1,2],"yes":true,"text":null})");
  const auto failed = invoke<Desk>(host, {}, "do", "{}", for_real);
  EXPECT_EQ(failed.status, DUNE_E_INVALID);
  EXPECT_EQ(failed.text, "no name");
  EXPECT_THROW(invoke<Desk>(host, {}, "none", "{}", for_real), Failed);
  EXPECT_THROW(invoke<Desk>(host, {}, "wrong", "{}", for_real), Failed);
}

}  // namespace
}  // namespace dunetrace::testing
