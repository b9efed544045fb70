// Requests, responses, and the promise of a Responder: exactly one answer.
#include "http/message.hpp"

#include <gtest/gtest.h>

namespace dunetrace::http {
namespace {

TEST(Request, FindsHeadersWithoutCaseAndTheLastQueryValue) {
  Request request;
  request.headers = {{"X-One", "a"}, {"x-one", "b"}};
  request.query = {{"k", "1"}, {"k", "2"}};
  EXPECT_EQ(request.header("x-ONE"), "a");
  EXPECT_EQ(request.header("missing"), "");
  EXPECT_EQ(request.query_value("k"), "2");
  EXPECT_FALSE(request.query_value("K"));
}

TEST(Response, EscapesTheDetailOfAnError) {
  const auto response = Response::error(422, "say \"no\"\n");
  EXPECT_EQ(response.body, "{\"detail\":\"say \\\"no\\\"\\n\"}");
  EXPECT_EQ(response.content_type, "application/json");
  EXPECT_EQ(response.status, 422);
}

struct Recorder {
  std::vector<int> statuses;
  Responder responder() {
    return Responder([this](const Response& response) { statuses.push_back(response.status); });
  }
};

TEST(Responder, AnswersOnce) {
  Recorder recorder;
  {
    auto responder = recorder.responder();
    responder.send(Response::json(202, ""));
    responder.send(Response::json(200, ""));
  }
  EXPECT_EQ(recorder.statuses, std::vector<int>{202});
}

TEST(Responder, AnswersWithAnErrorWhenDropped) {
  Recorder recorder;
  { const auto responder = recorder.responder(); }
  EXPECT_EQ(recorder.statuses, std::vector<int>{500});
}

TEST(Responder, IsAnsweredByTheOneThatHoldsItLast) {
  Recorder recorder;
  {
    auto first = recorder.responder();
    auto second = std::move(first);
    second.send(Response::json(201, ""));
  }
  EXPECT_EQ(recorder.statuses, std::vector<int>{201});
}

TEST(Responder, DoesNotForgetARequestWhenOverwritten) {
  Recorder lost;
  Recorder kept;
  {
    auto responder = lost.responder();
    responder = kept.responder();
    EXPECT_EQ(lost.statuses, std::vector<int>{500});
    responder.send(Response::json(204, ""));
  }
  EXPECT_EQ(kept.statuses, std::vector<int>{204});
}

}  // namespace
}  // namespace dunetrace::http
