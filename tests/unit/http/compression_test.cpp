// gzip and deflate both ways, their limits, and the headers that speak of them.
#include "http/compression.hpp"

#include <gtest/gtest.h>
#include <zlib.h>

#include <random>

namespace dunetrace::http {
namespace {

constexpr std::size_t kLimit = 1'000'000;

std::string text_of(std::size_t bytes) {
  std::string text;
  std::mt19937 random(7);
  while (text.size() < bytes) text += "event " + std::to_string(random() % 1000) + ",";
  text.resize(bytes);
  return text;
}

std::string zlib_deflate(std::string_view text, int window) {
  z_stream z{};
  deflateInit2(&z, 6, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&z, text.size()), '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  z.avail_in = static_cast<uInt>(text.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  deflate(&z, Z_FINISH);
  out.resize(z.total_out);
  deflateEnd(&z);
  return out;
}

TEST(Compression, GzipComesBackTheSame) {
  for (const std::size_t size : {0U, 1U, 1000U, 65'536U, 300'000U}) {
    const auto text = text_of(size);
    std::string back;
    EXPECT_EQ(inflate(Coding::gzip, gzip(text), kLimit, back), Inflated::ok);
    EXPECT_EQ(back, text);
  }
}

TEST(Compression, ReadsBothFormsOfDeflateAndSeveralGzipMembers) {
  const auto text = text_of(5000);
  std::string back;
  EXPECT_EQ(inflate(Coding::deflate, zlib_deflate(text, 15), kLimit, back), Inflated::ok);
  EXPECT_EQ(back, text);
  EXPECT_EQ(inflate(Coding::deflate, zlib_deflate(text, -15), kLimit, back), Inflated::ok);
  EXPECT_EQ(back, text);
  EXPECT_EQ(inflate(Coding::gzip, gzip(text) + gzip("more"), kLimit, back), Inflated::ok);
  EXPECT_EQ(back, text + "more");
}

TEST(Compression, StopsAtTheLimitAndNotBefore) {
  const auto bomb = gzip(std::string(50'000'000, 'a'));
  std::string back;
  EXPECT_EQ(inflate(Coding::gzip, bomb, kLimit, back), Inflated::too_large);
  EXPECT_LE(back.size(), kLimit + 1);
  EXPECT_EQ(inflate(Coding::gzip, gzip(text_of(kLimit)), kLimit, back), Inflated::ok);
  EXPECT_EQ(inflate(Coding::gzip, gzip(text_of(kLimit + 1)), kLimit, back), Inflated::too_large);
}

TEST(Compression, SaysWhenDataIsDamaged) {
  const auto packed = gzip(text_of(5000));
  std::string back;
  EXPECT_EQ(inflate(Coding::gzip, "", kLimit, back), Inflated::corrupt);
  EXPECT_EQ(inflate(Coding::gzip, "no gzip at all", kLimit, back), Inflated::corrupt);
  EXPECT_EQ(inflate(Coding::gzip, packed.substr(0, packed.size() - 1), kLimit, back), Inflated::corrupt);
  EXPECT_EQ(inflate(Coding::gzip, packed + "tail", kLimit, back), Inflated::corrupt);
  auto flipped = packed;
  flipped[packed.size() - 6] = static_cast<char>(flipped[packed.size() - 6] ^ 1);  // the checksum
  EXPECT_EQ(inflate(Coding::gzip, flipped, kLimit, back), Inflated::corrupt);
  EXPECT_EQ(inflate(Coding::deflate, zlib_deflate("x", 15) + "tail", kLimit, back), Inflated::corrupt);
}

TEST(Compression, ReadsContentEncoding) {
  EXPECT_EQ(coding_of(""), Coding::identity);
  EXPECT_EQ(coding_of(" Identity "), Coding::identity);
  EXPECT_EQ(coding_of("GZIP"), Coding::gzip);
  EXPECT_EQ(coding_of("x-gzip"), Coding::gzip);
  EXPECT_EQ(coding_of("deflate"), Coding::deflate);
  for (const auto* text : {"br", "gzip, gzip", "zstd", "gzip;q=1"}) EXPECT_EQ(coding_of(text), Coding::unknown) << text;
}

TEST(Compression, ReadsAcceptEncoding) {
  for (const auto* text : {"gzip", "deflate, gzip", "gzip;q=0.1", "*", "br;q=1.0, GZIP ; q=0.5", "*;q=0, gzip"}) {
    EXPECT_TRUE(accepts_gzip(text)) << text;
  }
  for (const auto* text : {"", "identity", "br", "gzip;q=0", "gzip; q=0.000", "*;q=0", "gzip;q=0, *", "gzipped"}) {
    EXPECT_FALSE(accepts_gzip(text)) << text;
  }
}

TEST(Compression, KnowsTextFromPictures) {
  for (const auto* type :
       {"application/json", "text/html; charset=utf-8", "image/svg+xml", "application/problem+json"}) {
    EXPECT_TRUE(is_compressible(type)) << type;
  }
  for (const auto* type : {"image/png", "application/octet-stream", "font/woff2", ""}) {
    EXPECT_FALSE(is_compressible(type)) << type;
  }
}

}  // namespace
}  // namespace dunetrace::http
