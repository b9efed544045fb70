// The privacy guard of spec/wire.md 9.1.
#include "ingest/privacy.hpp"

#include <gtest/gtest.h>

#include "bodies.hpp"
#include "core/hash.hpp"

namespace dunetrace::ingest {
namespace {

using testing::admitted;
using testing::body_of;
using testing::event_with;

std::string stored(std::string_view payload, bool rehash = true) {
  const auto result = admitted(body_of(event_with("payload", "\"payload\":" + std::string(payload))),
                               {.max_batch_size = 500, .rehash_legacy_fields = rehash});
  return result ? std::string(result->batch.events[0].payload) : "refused";
}

constexpr std::string_view kArgs = "eyJxdWVyeSI6InNhbWUgcXVlcnkgZXZlcnkgdGltZSJ9";  // {"query":"same query every time"}

TEST(PrivacyGuard, RecognisesArgumentsBehindBase64) {
  EXPECT_TRUE(is_reversible_args(kArgs));
  EXPECT_TRUE(is_reversible_args("e30="));              // {}
  EXPECT_TRUE(is_reversible_args("e30"));               // the same without padding
  EXPECT_TRUE(is_reversible_args("W10="));              // []
  EXPECT_TRUE(is_reversible_args("eyJhIjoi6SJ9"));      // {"a":"é"} in Latin-1, as btoa() makes it
  EXPECT_TRUE(is_reversible_args("eyJhIjoiPz8_In0="));  // the alphabet for URLs
}

TEST(PrivacyGuard, LeavesHashesAndOtherTextsAlone) {
  for (const auto* text : {"", "44136fa355b3678a", "e67264c4802a13d9", "IjMi", "NDI=", "not base64!", "e30==x", "{}",
                           "eyJhIjoxfQ=x", "bnVsbA==", "a"}) {
    EXPECT_FALSE(is_reversible_args(text)) << text;
  }
}

TEST(PrivacyGuard, RecognisesErrorTextsBehindBase64) {
  EXPECT_TRUE(is_reversible_error("Y29ubmVjdGlvbiByZWZ1c2Vk"));  // connection refused
  EXPECT_TRUE(is_reversible_error("RXJyb3I6IGEKIGIJYw=="));      // with newline and tab
  for (const auto* text : {"", "2cf24dba5fb0a30e", "deadbeef", "DEADBEEF", "AAEC", "oops", "no base64 at all"}) {
    EXPECT_FALSE(is_reversible_error(text)) << text;
  }
  EXPECT_FALSE(is_reversible_error(std::string(64, 'a')));
  EXPECT_TRUE(is_reversible_error("VGltZW91dA=="));
}

TEST(PrivacyGuard, ReplacesTheValueByItsHashAndNothingElse) {
  const auto hash = hash16(kArgs);
  EXPECT_EQ(stored(R"({ "tool_name" : "x" , "args_hash":")" + std::string(kArgs) + R"(", "n":1.50 })"),
            R"({ "tool_name" : "x" , "args_hash":")" + hash + R"(", "n":1.50 })");
  EXPECT_EQ(stored(R"({"error_hash":"VGltZW91dA==","args_hash":"e30="})"),
            R"({"error_hash":")" + hash16("VGltZW91dA==") + R"(","args_hash":")" + hash16("e30=") + R"("})");
}

TEST(PrivacyGuard, EqualValuesStayEqual) {
  const auto payload = R"({"args_hash":")" + std::string(kArgs) + R"("})";
  EXPECT_EQ(stored(payload), stored(payload));
}

TEST(PrivacyGuard, IsNotFooledByTheWayOfWriting) {
  EXPECT_EQ(stored(R"({"args\u005fhash":"e30=","b":2})"), R"({"args_hash":")" + hash16("e30=") + R"(","b":2})");
  EXPECT_EQ(stored(R"({"a":{"args_hash":"e30="},"args_hash":"e\u00330="})"),
            R"({"a":{"args_hash":"e30="},"args_hash":")" + hash16("e30=") + R"("})");
  const auto twice = stored(R"({"args_hash":"W10=","x":"\"args_hash\":","args_hash":"e30="})");
  EXPECT_EQ(twice.find("W10="), std::string::npos) << twice;
  EXPECT_EQ(twice.find("e30="), std::string::npos) << twice;
}

TEST(PrivacyGuard, ReplacesEveryOccurrenceOfAName) {
  const auto hash = hash16("e30=");
  EXPECT_EQ(
      stored(R"({"args_hash":"44136fa355b3678a","args\u005fhash":"e30=","args_hash":"W10="})"),
      R"({"args_hash":"44136fa355b3678a","args_hash":")" + hash + R"(","args_hash":")" + hash16("W10=") + R"("})");
  EXPECT_EQ(stored(R"({"args_hash":"e30=","\u0061rgs_hash":"e30="})"),
            R"({"args_hash":")" + hash + R"(","args_hash":")" + hash + R"("})");
  EXPECT_EQ(stored(R"({"error_hash":"2cf24dba5fb0a30e","error_has\u0068":"VGltZW91dA=="})"),
            R"({"error_hash":"2cf24dba5fb0a30e","error_hash":")" + hash16("VGltZW91dA==") + R"("})");
}

TEST(PrivacyGuard, LooksAtWhatIsStored) {
  const auto want = R"({"args_hash":")" + hash16("e30=") + R"("})";
  EXPECT_EQ(stored(R"({"args_\u0000hash":"e30="})"), want);
  EXPECT_EQ(stored(R"({"args_hash":"e3\u00000="})"), want);
  EXPECT_EQ(stored(R"({"args_hash":"\u0000e30=\u0000"})"), want);
}

TEST(PrivacyGuard, ReadsBase64WithLineBreaksAndWhiteSpaceAround) {
  for (const auto* text : {" e30=", "e30=\n", "\t e30= \r\n", "eyJh\nIjoxfQ==", "eyJh\r\n  IjoxfQ=="}) {
    EXPECT_TRUE(is_reversible_args(text)) << text;
  }
  for (const auto* text : {"VGlt\nZW91dA==\n", " VGltZW91dA== "}) EXPECT_TRUE(is_reversible_error(text)) << text;
  for (const auto* text : {"", " ", "\n", " 2cf24dba5fb0a30e\n", "VGlt ZW91dA=="}) {
    EXPECT_FALSE(is_reversible_error(text)) << text;
  }
  EXPECT_EQ(stored(R"({"args_hash":"e30=\n"})"), R"({"args_hash":")" + hash16("e30=\n") + R"("})")
      << "the hash is that of the value as sent";
}

TEST(PrivacyGuard, RecognisesArgumentsNoParserTakes) {
  EXPECT_TRUE(is_reversible_args("77u/eyJhIjoxfQ=="));  // a byte order mark and {"a":1}
  EXPECT_TRUE(is_reversible_args("eyJh"));              // {"a: cut off
  std::string deep;
  for (int i = 0; i < 2'000; ++i) deep += "W1tb";  // [[[
  EXPECT_TRUE(is_reversible_args(deep));
  EXPECT_FALSE(is_reversible_args("e3sBAg=="));          // {{ and two control characters
  EXPECT_FALSE(is_reversible_args("e30e30e30e30e30e"));  // hexadecimal
}

TEST(PrivacyGuard, RecognisesColouredAndLatin1ErrorTexts) {
  EXPECT_TRUE(is_reversible_error("G1szMW1mYWlsZWQbWzBt"));  // ESC[31mfailed ESC[0m
  EXPECT_TRUE(is_reversible_error("Wmf8bHRpZyDkIG5pY2h0"));  // Z.ltig . nicht with Latin-1 umlauts
  EXPECT_FALSE(is_reversible_error("n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg="));  // a SHA-256
}

TEST(PrivacyGuard, CanBeSwitchedOff) { EXPECT_EQ(stored(R"({"args_hash":"e30="})", false), R"({"args_hash":"e30="})"); }

TEST(PrivacyGuard, IsOffForEveryWayOfWriting) {
  constexpr auto* kPayload = R"({"args\u005fhash":"e30=\n","error_hash":"G1szMW1mYWlsZWQbWzBt"})";
  EXPECT_EQ(stored(kPayload, false), kPayload);
}

TEST(PrivacyGuard, IgnoresValuesOfOtherKinds) {
  EXPECT_EQ(stored(R"({"args_hash":{"a":1},"error_hash":null})"), R"({"args_hash":{"a":1},"error_hash":null})");
}

}  // namespace
}  // namespace dunetrace::ingest
