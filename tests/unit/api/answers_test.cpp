// Statuses of errors, pages and numbers.
#include "api/answers.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace dunetrace::api {
namespace {

class Answers : public ::testing::Test {
 protected:
  http::Response answer_to(Code code) { return refuse(Error{code, "the cause"}, request_, log_); }

  http::Request request_;
  telemetry::Logger log_{telemetry::Level::error, "/dev/null"};
};

std::string header(const http::Response& response, std::string_view name) {
  for (const auto& [key, value] : response.headers) {
    if (key == name) return value;
  }
  return {};
}

TEST_F(Answers, MapEveryCodeToItsStatus) {
  EXPECT_EQ(answer_to(Code::invalid_argument).status, 422);
  EXPECT_EQ(answer_to(Code::denied).status, 403);
  EXPECT_EQ(answer_to(Code::conflict).status, 409);
  EXPECT_EQ(answer_to(Code::not_found).status, 404);
  EXPECT_EQ(answer_to(Code::not_found).body, R"({"detail":"the cause"})");
}

TEST_F(Answers, SayWhenToComeBackWhileTheDatabaseIsAway) {
  for (const auto code : {Code::unavailable, Code::timeout}) {
    const auto response = answer_to(code);
    EXPECT_EQ(response.status, 503);
    EXPECT_EQ(response.body, R"({"detail":"Service temporarily unavailable"})");
    EXPECT_EQ(header(response, "Retry-After"), "1");
  }
}

TEST_F(Answers, KeepTheCauseOfAnInternalErrorToThemselves) {
  const auto response = answer_to(Code::internal);
  EXPECT_EQ(response.status, 500);
  EXPECT_EQ(response.body, R"({"detail":"Internal Server Error"})");
}

std::string page_text(std::int64_t offset, std::int64_t limit, std::int64_t total) {
  json::Writer out;
  out.begin_object();
  write_page(out, {offset, limit}, total);
  out.end_object();
  return out.take();
}

TEST(Page, HasMoreWhileRowsFollow) {
  EXPECT_EQ(page_text(0, 2, 3), R"({"page":{"total":3,"offset":0,"limit":2,"has_more":true}})");
  EXPECT_EQ(page_text(1, 2, 3), R"({"page":{"total":3,"offset":1,"limit":2,"has_more":false}})");
  EXPECT_EQ(page_text(5, 2, 3), R"({"page":{"total":3,"offset":5,"limit":2,"has_more":false}})");
  EXPECT_EQ(page_text(0, 50, 0), R"({"page":{"total":0,"offset":0,"limit":50,"has_more":false}})");
}

TEST(Page, SurvivesTheLargestOffset) {
  constexpr auto kMost = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(page_text(kMost, 500, 3),
            R"({"page":{"total":3,"offset":9223372036854775807,"limit":500,"has_more":false}})");
}

TEST(Rounding, TurnsStoredFloatsIntoFourDecimals) {
  EXPECT_EQ(rounded4(static_cast<double>(0.7667F)), 0.7667);
  EXPECT_EQ(rounded4(static_cast<double>(0.98F)), 0.98);
  EXPECT_EQ(rounded4(1.0), 1.0);
}

}  // namespace
}  // namespace dunetrace::api
