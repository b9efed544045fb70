// GET /v1/plugins: what everybody may know about the host, and what only some may.
#include <gmock/gmock.h>

#include "core/ids.hpp"
#include "fixture.hpp"
#include "store/keys.hpp"
#include "store/plugin_states.hpp"

namespace dunetrace::api {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class PluginsTest : public ApiTest {
 protected:
  static store::PluginComponent component(const std::string& id, const std::string& state = "live") {
    return {.component = id,
            .sha256 = "aa",
            .library = "com.example." + id,
            .version = "1.2.3",
            .kind = "detector",
            .title = "Title",
            .signal_types = {"A_TYPE", "B_TYPE"},
            .mode = "isolated",
            .sandbox = "seccomp, limits",
            .file = "/secret/path/" + id + ".so",
            .abi = "1.0",
            .first_party = false,
            .state = state};
  }
  void report(std::vector<store::PluginComponent> components) {
    store::PluginReport what;
    what.host = "host-1";
    what.components = std::move(components);
    what.refusals = R"([{"file":"/secret/path/other.so","reason":"not listed"}])";
    report(what);
  }
  void report(const store::PluginReport& what) {
    const auto done = store::report_plugins(db_, what, true);
    ASSERT_TRUE(done) << done.error().text;
  }
  void strike(const std::string& customer, const std::string& run, const std::string& offence = "crash",
              const std::string& id = "bad") {
    const auto done = store::record_strike(db_, {new_uuid(), id, "aa", "com.example.bad", "1.2.3", now_, offence,
                                                 customer, run, "words of the strike", "host-1"});
    ASSERT_TRUE(done) << done.error().text;
    now_ += 1;
  }
  void quarantine(const std::string& id = "bad") {
    ASSERT_TRUE(store::open_quarantine(db_, {id, "aa", "com.example.bad", "1.2.3", 1767780000, "3 strikes"}, "host-1"));
  }
  std::string key_of_admin(const std::string& customer) {
    return store::create_key(db_, customer, {}, {"read", "admin"}).value().secret;
  }
  double now_ = std::stod(database_.scalar("SELECT extract(epoch FROM now())::bigint - 100"));
};

TEST_F(PluginsTest, AreEmptyBeforeAnyHostHasReported) {
  serve();
  EXPECT_EQ(body("/v1/plugins"), R"({"components":[],"notices":[],"reload":null,"hosts":[]})");
}

TEST_F(PluginsTest, ShowEverythingInDevMode) {
  report({component("bad")});
  strike("acme", "r1");
  quarantine();
  serve();
  const auto at = std::to_string(static_cast<long long>(now_) - 1) + ".0";
  auto text = body("/v1/plugins");
  const auto reported = text.find(R"("reported_at":)");
  ASSERT_NE(reported, std::string::npos);
  text.erase(reported, text.find(',', reported) + 1 - reported);
  EXPECT_EQ(text,
            R"({"components":[{"component":"bad","kind":"detector","title":"Title","state":"quarantined",)"
            R"("configured":"live","signal_types":["A_TYPE","B_TYPE"],"mode":"isolated","sandbox":"seccomp, limits",)"
            R"("library":"com.example.bad","version":"1.2.3","sha256":"aa","abi":"1.0","first_party":false,)"
            R"("strikes_10m":1,"strikes_total":1,"last_strike":{"at":)" +
                at +
                R"(,"offence":"crash","text":"words of the strike","run_id":"r1"},)"
                R"("quarantine":{"since":1767780000.0,"reason":"3 strikes"},"failed_runs_24h":0,"absent_since":null,)"
                R"("reported_by":"host-1","file":"/secret/path/bad.so"}],)"
                R"("notices":[{"component":"bad","version":"1.2.3","sha256":"aa","since":1767780000.0,)"
                R"("reason":"3 strikes","remedy":"replace its file, or run: dunetrace plugins enable bad"}],)"
                R"("reload":{"generation":1,"at":null,"ok":true,"error":null,"host":"host-1"},)"
                R"("hosts":[{"host":"host-1","generation":1,)"
                R"("not_loaded":[{"file": "/secret/path/other.so", "reason": "not listed"}],)"
                R"("notes":[],"unlocked":false}]})");
}

TEST_F(PluginsTest, TellEveryStateByConfigurationAndConduct) {
  report({component("gone")});
  report({component("bad"), component("off", "disabled"), component("quiet", "shadow"), component("well")});
  quarantine();
  serve();
  EXPECT_EQ(values("/v1/plugins", "components", "component"),
            (std::vector<std::string>{R"("bad")", R"("gone")", R"("off")", R"("quiet")", R"("well")"}));
  EXPECT_EQ(values("/v1/plugins", "components", "state"),
            (std::vector<std::string>{R"("quarantined")", R"("absent")", R"("disabled")", R"("shadow")", R"("live")"}));
}

TEST_F(PluginsTest, CallOtherKindsLoadedBecauseNothingConfiguresThem) {
  auto destination = component("hook");
  destination.kind = "alert";
  auto integration = component("tickets");
  integration.kind = "integration";
  report({destination, integration});
  quarantine("hook");
  serve();
  EXPECT_EQ(values("/v1/plugins", "components", "state"),
            (std::vector<std::string>{R"("loaded")", R"("quarantined")"}));
  EXPECT_EQ(values("/v1/plugins", "components", "configured"),
            (std::vector<std::string>{R"("loaded")", R"("loaded")"}));
}

TEST_F(PluginsTest, ShowARunOnlyToItsCustomer) {
  report({component("bad")});
  strike("acme", "private-run");
  serve(true);
  const auto own = get_as(key_of("acme"), "/v1/plugins").body;
  EXPECT_THAT(own, HasSubstr(R"("run_id":"private-run")"));
  for (const auto& answer : {get_as(key_of("bolt"), "/v1/plugins"), get_as(key_of_admin("bolt"), "/v1/plugins")}) {
    EXPECT_EQ(answer.status, 200);
    EXPECT_THAT(answer.body, HasSubstr(R"("text":"words of the strike","run_id":null)"));
    EXPECT_THAT(answer.body, Not(HasSubstr("private-run")));
    EXPECT_THAT(answer.body, Not(HasSubstr("acme")));
  }
}

TEST_F(PluginsTest, KeepTheWordsOfAViolationFromOtherCustomers) {
  report({component("bad")});
  strike("acme", "private-run", "violation");
  serve(true);
  EXPECT_THAT(get_as(key_of("acme"), "/v1/plugins").body, HasSubstr("words of the strike"));
  EXPECT_THAT(get_as(key_of("bolt"), "/v1/plugins").body, HasSubstr(R"("text":null,"run_id":null)"));
  EXPECT_THAT(get_as(key_of_admin("bolt"), "/v1/plugins").body, HasSubstr("words of the strike"));
}

TEST_F(PluginsTest, ShowPathsAndReasonsToAdminsOnly) {
  store::PluginReport failed;
  failed.host = "host-1";
  failed.components = {component("bad")};
  failed.reload_at = 1767780000;
  failed.reload_ok = false;
  failed.reload_error = "/secret/path/detectors.yml:3: no";
  failed.refusals = R"([{"file":"/secret/path/other.so","reason":"not listed"}])";
  report(failed);
  serve(true);
  const auto plain = get_as(key_of("acme"), "/v1/plugins").body;
  EXPECT_THAT(plain, Not(HasSubstr("/secret")));
  EXPECT_THAT(plain, Not(HasSubstr("host-1")));
  EXPECT_THAT(plain, HasSubstr(R"("at":1767780000.0,"ok":false,"error":"refused)"));
  const auto admin = get_as(key_of_admin("acme"), "/v1/plugins").body;
  EXPECT_THAT(admin, HasSubstr(R"("error":"/secret/path/detectors.yml:3: no")"));
  EXPECT_THAT(admin, HasSubstr("/secret/path/other.so"));
  EXPECT_THAT(admin, HasSubstr("/secret/path/bad.so"));
}

TEST_F(PluginsTest, NeedAKeyOutsideOfDevMode) {
  serve(true);
  EXPECT_EQ(get("/v1/plugins").status, 401);
  EXPECT_EQ(get_as(key_of("acme", "ingest"), "/v1/plugins").status, 403);
}

TEST_F(PluginsTest, NoticeNothingThatIsNotThere) {
  report({component("bad")});
  quarantine();
  report({component("well")});
  serve();
  EXPECT_THAT(body("/v1/plugins"), HasSubstr(R"("notices":[])"));
  EXPECT_EQ(body("/health"), R"({"status":"ok","db":"ok"})");
}

TEST_F(PluginsTest, HealthNamesWhatIsQuarantined) {
  report({component("bad"), component("well")});
  serve(true);
  EXPECT_EQ(body("/health"), R"({"status":"ok","db":"ok"})");
  quarantine();
  EXPECT_EQ(body("/health"), R"({"status":"ok","db":"ok"})") << "asked a moment ago";
  clock_.advance(std::chrono::seconds(1));
  EXPECT_EQ(body("/health"), R"({"status":"ok","db":"ok","quarantined":["bad"]})");
}

}  // namespace
}  // namespace dunetrace::api
