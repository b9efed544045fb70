// The bytes of an answer.
#include "http/response_text.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "http/compression.hpp"

namespace dunetrace::http {
namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

Wire wire() {
  Wire w;
  w.request_id = "id-1";
  return w;
}

std::string body_of(const std::string& text) { return text.substr(text.find("\r\n\r\n") + 4); }

TEST(ToWire, WritesHeadAndBody) {
  const auto text = to_wire(Response::json(201, "{}").with("X-A", "b"), wire());
  EXPECT_THAT(text, StartsWith("HTTP/1.1 201 Created\r\n"));
  EXPECT_THAT(text, AllOf(HasSubstr("\r\nContent-Type: application/json\r\n"), HasSubstr("\r\nContent-Length: 2\r\n"),
                          HasSubstr("\r\nX-Request-Id: id-1\r\n"), HasSubstr("\r\nX-A: b\r\n"), HasSubstr("\r\nDate: "),
                          Not(HasSubstr("Connection:")), EndsWith("\r\n\r\n{}")));
}

TEST(ToWire, AnswersHeadWithTheLengthButNoBody) {
  auto w = wire();
  w.head_only = true;
  EXPECT_THAT(to_wire(Response::json(200, "12345"), w),
              AllOf(HasSubstr("Content-Length: 5\r\n"), EndsWith("\r\n\r\n")));
}

TEST(ToWire, SaysWhatBecomesOfTheConnection) {
  auto w = wire();
  w.minor_version = 0;
  EXPECT_THAT(to_wire(Response::json(200, ""), w), HasSubstr("Connection: keep-alive\r\n"));
  w.close = true;
  EXPECT_THAT(to_wire(Response::json(200, ""), w), HasSubstr("Connection: close\r\n"));
}

TEST(ToWire, SendsNoBodyWhereNoneIsAllowed) {
  for (const int status : {204, 304}) {
    const auto text = to_wire(Response::json(status, "not allowed"), wire());
    EXPECT_THAT(text, AllOf(EndsWith("\r\n\r\n"), Not(HasSubstr("Content-Length")))) << status;
  }
}

TEST(ToWire, LetsNoHeaderBreakTheMessage) {
  auto response = Response::json(200, "").with("X-A", "1\r\nX-Evil: 2").with("X B", "3").with("X-C", "ok");
  response.headers.emplace_back("Content-Length", "999");
  response.headers.emplace_back("Transfer-Encoding", "chunked");
  const auto text = to_wire(std::move(response), wire());
  EXPECT_THAT(text, AllOf(Not(HasSubstr("Evil")), Not(HasSubstr("X B")), HasSubstr("X-C: ok"), Not(HasSubstr("999")),
                          Not(HasSubstr("chunked"))));
}

TEST(ToWire, LetsNobodyGuessTheTypeUnlessTold) {
  EXPECT_THAT(to_wire(Response::json(200, "{}"), wire()), HasSubstr("\r\nX-Content-Type-Options: nosniff\r\n"));
  const auto own = to_wire(Response::json(200, "{}").with("x-content-type-options", "own"), wire());
  EXPECT_THAT(own, AllOf(HasSubstr("\r\nx-content-type-options: own\r\n"), Not(HasSubstr("nosniff"))));
}

TEST(ToWire, TurnsAnImpossibleStatusIntoAnError) {
  for (const int status : {0, 100, 199, 600, -1}) {
    EXPECT_THAT(to_wire(Response::json(status, "x"), wire()), StartsWith("HTTP/1.1 500 ")) << status;
  }
}

TEST(ToWire, PacksLargeTextWhenTheClientCanReadIt) {
  const std::string large(5000, 'j');
  auto w = wire();
  EXPECT_THAT(to_wire(Response::json(200, large), w), AllOf(HasSubstr("Vary: Accept-Encoding"), EndsWith(large)));
  w.accepts_gzip = true;
  const auto packed = to_wire(Response::json(200, large).with("ETag", "\"1\""), w);
  EXPECT_THAT(packed, AllOf(HasSubstr("Content-Encoding: gzip"), HasSubstr("Vary: Accept-Encoding"),
                            HasSubstr("ETag: W/\"1\"")));
  std::string back;
  EXPECT_EQ(inflate(Coding::gzip, body_of(packed), 10'000, back), Inflated::ok);
  EXPECT_EQ(back, large);
}

TEST(ToWire, LeavesSmallForeignAndPackedBodiesAlone) {
  auto w = wire();
  w.accepts_gzip = true;
  EXPECT_THAT(to_wire(Response::json(200, std::string(1024, 'j')), w), Not(HasSubstr("Content-Encoding")));
  auto picture = Response::json(200, std::string(5000, 'j'));
  picture.content_type = "image/png";
  EXPECT_THAT(to_wire(picture, w), AllOf(Not(HasSubstr("Content-Encoding")), Not(HasSubstr("Vary"))));
  const auto own = Response::json(200, std::string(5000, 'j')).with("Content-Encoding", "br");
  EXPECT_THAT(to_wire(own, w), AllOf(HasSubstr("Content-Encoding: br"), Not(HasSubstr("gzip"))));
}

}  // namespace
}  // namespace dunetrace::http
