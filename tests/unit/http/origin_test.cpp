#include "http/origin.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "http/outbound.hpp"

namespace dunetrace::http {
namespace {

using namespace std::chrono_literals;

TEST(Origin, IsSchemeHostAndPortInOneForm) {
  const std::pair<const char*, const char*> same[] = {
      {"https://Hooks.Example.COM/a/b?c#d", "https://hooks.example.com"},
      {"https://hooks.example.com.:443", "https://hooks.example.com"},
      {"HTTPS://hooks.example.com:8443/", "https://hooks.example.com:8443"},
      {"http://hooks.example.com:80", "http://hooks.example.com"},
      {"https://hooks.example.com:80", "https://hooks.example.com:80"},
      // The forms in which an inner address hides.
      {"http://2130706433/", "http://127.0.0.1"},
      {"http://0x7f000001/", "http://127.0.0.1"},
      {"http://0177.0.0.1/", "http://127.0.0.1"},
      {"http://0x7f.1/", "http://127.0.0.1"},
      {"http://127.1/", "http://127.0.0.1"},
      {"http://[0:0:0:0:0:0:0:1]:9000/x", "http://[::1]:9000"},
      {"http://[::FFFF:127.0.0.1]/", "http://[::ffff:127.0.0.1]"},
      {"http://%31%32%37.0.0.1/", "http://127.0.0.1"},
  };
  for (const auto& [url, expected] : same) {
    const auto origin = origin_of(url);
    ASSERT_TRUE(origin) << url << ": " << origin.error().text;
    EXPECT_EQ(to_text(*origin), expected) << url;
  }
}

TEST(Origin, RefusesWhatCouldBeReadTwoWays) {
  for (const auto* url : {"",
                          "hooks.example.com",
                          "//hooks.example.com",
                          "ftp://a/",
                          "file:///etc/passwd",
                          "gopher://a/",
                          "https://",
                          "https:///path",
                          "https://user@host/",
                          "https://user:pass@host/",
                          "https://good.example@127.0.0.1/",
                          "https://good.example\\@evil.example/",
                          "https://a b/",
                          "https://a\r\nHost: b/",
                          "https://a\tb/",
                          "https://\x7f/",
                          "https://ho%00st/",
                          "https://ho%0d%0ast/",
                          "https://ho%2fst/",
                          "https://h\xc3\xb6st.example/",
                          "https://[::1",
                          "https://[::1%25lo]/",
                          "https://[fe80::1%25eth0]/",
                          "https://[nonsense]/",
                          "https://host:0/",
                          "https://host:65536/",
                          "https://host:-1/",
                          "https://host:x/",
                          "javascript:alert(1)",
                          "https://a,b/",
                          "https://a|b/"}) {
    const auto origin = origin_of(url);
    EXPECT_FALSE(origin) << url << " reads as " << to_text(*origin);
  }
  EXPECT_FALSE(origin_of(std::string_view("https://a\0.example/", 19)));
}

TEST(Origin, ErrorsDoNotQuoteTheUrl) {
  const auto wrong = origin_of("https://user:topsecret@hooks.example.com/topsecret");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().text.find("topsecret"), std::string::npos) << wrong.error().text;
}

TEST(RetryAfter, IsSecondsOrADate) {
  constexpr double kNow = 1'700'000'000;  // Tue, 14 Nov 2023 22:13:20 GMT
  EXPECT_EQ(retry_after_of(" 120\r\n", kNow), 120s);
  EXPECT_EQ(retry_after_of("0", kNow), 0s);
  EXPECT_EQ(retry_after_of("Tue, 14 Nov 2023 22:14:20 GMT", kNow), 60s);
  EXPECT_EQ(retry_after_of("Tue, 14 Nov 2023 22:12:20 GMT", kNow), 0s) << "a time that has passed";
  EXPECT_EQ(retry_after_of("999999999", kNow), 24h);
  EXPECT_EQ(retry_after_of("99999999999999999999999999", kNow), 24h);
  EXPECT_EQ(retry_after_of("Fri, 14 Nov 2053 22:14:20 GMT", kNow), 24h);
  for (const auto* text : {"", " ", "soon", "-1", "1.5", "0x10"}) EXPECT_FALSE(retry_after_of(text, kNow)) << text;
}

}  // namespace
}  // namespace dunetrace::http
