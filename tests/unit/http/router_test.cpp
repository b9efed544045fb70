// Templates, parts, methods and the fallback of the router.
#include "http/router.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "http/router_match.hpp"

namespace dunetrace::http {
namespace {

using Kind = Router::Match::Kind;

Response named(std::string name) { return Response::json(200, std::move(name)); }

class RouterTest : public testing::Test {
 protected:
  RouterTest() {
    for (const std::string route :
         {"/", "/v1/runs", "/v1/runs/{run_id}", "/v1/runs/latest", "/v1/agents/{agent_id}/runs", "/v1/{kind}/x/deep"}) {
      router_.get(route, [route](const Request&) { return named(route); });
    }
    router_.post("/v1/runs", [](const Request&) { return named("post"); });
    router_.add_blocking(Method::del, "/v1/runs/{run_id}", [](const Request&) { return named("delete"); });
  }

  std::string called(Method method, std::string_view path) {
    const auto match = router_.match(method, path);
    return match.kind == Kind::found ? match.handler->blocking(Request()).body : "-";
  }

  Router router_;
};

TEST_F(RouterTest, FindsFixedPathsAndParts) {
  EXPECT_EQ(called(Method::get, "/"), "/");
  EXPECT_EQ(called(Method::get, "/v1/runs"), "/v1/runs");
  const auto match = router_.match(Method::get, "/v1/agents/a-1/runs");
  EXPECT_EQ(match.route, "/v1/agents/{agent_id}/runs");
  EXPECT_EQ(match.params.at("agent_id"), "a-1");
}

TEST_F(RouterTest, PrefersFixedPartsAndComesBackFromDeadEnds) {
  EXPECT_EQ(called(Method::get, "/v1/runs/latest"), "/v1/runs/latest");
  EXPECT_EQ(called(Method::get, "/v1/runs/other"), "/v1/runs/{run_id}");
  const auto match = router_.match(Method::get, "/v1/runs/x/deep");  // "runs" is fixed, but leads nowhere
  EXPECT_EQ(match.route, "/v1/{kind}/x/deep");
  EXPECT_EQ(match.params.size(), 1U);
  EXPECT_EQ(match.params.at("kind"), "runs");
}

TEST_F(RouterTest, DecodesPartsAndKeepsAnEscapedSlashInside) {
  EXPECT_EQ(router_.match(Method::get, "/v1/runs/a%2Fb%20c").params.at("run_id"), "a/b c");
  EXPECT_EQ(router_.match(Method::get, "/v1/runs/%C3%A4").params.at("run_id"), "ä");
  EXPECT_EQ(called(Method::get, "/v1/%72uns"), "/v1/runs");
}

TEST_F(RouterTest, TellsMalformedEscapesFromUnknownPaths) {
  for (const auto* path : {"/v1/runs/%", "/v1/runs/%2", "/v1/runs/%zz", "/v1/runs/%00", "/v1/runs/%ff"}) {
    EXPECT_EQ(router_.match(Method::get, path).kind, Kind::malformed_path) << path;
  }
  for (const auto* path : {"/v1", "/v1/", "/v1/runs/", "/v1/runs/a/b", "//v1/runs", "/V1/runs"}) {
    EXPECT_EQ(router_.match(Method::get, path).kind, Kind::unknown_path) << path;
    EXPECT_EQ(router_.match(Method::get, path).route, kUnmatchedRoute);
  }
}

TEST_F(RouterTest, NamesTheAllowedMethods) {
  const auto match = router_.match(Method::put, "/v1/runs");
  EXPECT_EQ(match.kind, Kind::wrong_method);
  EXPECT_EQ(match.allow, "GET, HEAD, POST, OPTIONS");
  EXPECT_EQ(match.route, "/v1/runs");
  EXPECT_EQ(router_.match(Method::other, "/v1/runs/1").allow, "GET, HEAD, DELETE, OPTIONS");
}

TEST_F(RouterTest, AnswersHeadFromGetUnlessItHasItsOwn) {
  EXPECT_EQ(called(Method::head, "/v1/runs"), "/v1/runs");
  router_.add_blocking(Method::head, "/v1/runs", [](const Request&) { return named("own"); });
  EXPECT_EQ(called(Method::head, "/v1/runs"), "own");
}

TEST_F(RouterTest, FallsBackForReadsOnly) {
  router_.fallback([](const Request&, Responder) {});
  const auto match = router_.match(Method::get, "/any/thing");
  EXPECT_EQ(match.kind, Kind::found);
  EXPECT_EQ(match.route, kFallbackRoute);
  EXPECT_EQ(router_.match(Method::head, "/any").kind, Kind::found);
  EXPECT_EQ(router_.match(Method::post, "/any").kind, Kind::wrong_method);
  EXPECT_EQ(router_.match(Method::put, "/v1/runs").route, "/v1/runs") << "a known path stays its own";
}

TEST_F(RouterTest, ListsEveryTemplateOnce) {
  EXPECT_THAT(router_.routes(), testing::UnorderedElementsAre("/", "/v1/runs", "/v1/runs/{run_id}", "/v1/runs/latest",
                                                              "/v1/agents/{agent_id}/runs", "/v1/{kind}/x/deep"));
}

TEST(RouterDeathTest, RefusesTwoNamesForOnePart) {
  Router router;
  router.get("/a/{one}", [](const Request&) { return named(""); });
  EXPECT_DEATH(router.get("/a/{two}/b/{three}", [](const Request&) { return named(""); });
               router.post("/a/{other}", [](const Request&) { return named(""); }),
               "name the parts of one path differently");
}

}  // namespace
}  // namespace dunetrace::http
