#include "core/ids.hpp"

#include <sys/random.h>

#include <array>
#include <cctype>
#include <random>
#include <span>

#include "core/result.hpp"

namespace dunetrace {
namespace {

constexpr char kHex[] = "0123456789abcdef";

void fill(std::span<unsigned char> out) {
  std::size_t done = 0;
  while (done < out.size()) {
    const auto n = ::getrandom(out.data() + done, out.size() - done, 0);
    DUNE_CHECK(n > 0, "the kernel gives no random bytes");
    done += static_cast<std::size_t>(n);
  }
}

}  // namespace

std::string new_uuid() {
  thread_local std::mt19937_64 generator = [] {
    std::array<unsigned char, 32> seed{};
    fill(seed);
    std::seed_seq sequence(seed.begin(), seed.end());
    return std::mt19937_64(sequence);
  }();
  std::array<std::uint64_t, 2> bits{generator(), generator()};
  bits[0] = (bits[0] & ~0xF000ULL) | 0x4000ULL;
  bits[1] = (bits[1] & ~(3ULL << 62)) | (2ULL << 62);
  std::string text;
  text.reserve(36);
  for (int nibble = 0; nibble < 32; ++nibble) {
    if (nibble == 8 || nibble == 12 || nibble == 16 || nibble == 20) text.push_back('-');
    const auto word = bits[static_cast<std::size_t>(nibble / 16)];
    text.push_back(kHex[(word >> (60 - 4 * (nibble % 16))) & 0xF]);
  }
  return text;
}

bool is_uuid(std::string_view text) {
  if (text.size() != 36) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    const auto c = static_cast<unsigned char>(text[i]);
    if (dash ? c != '-' : std::isxdigit(c) == 0) return false;
  }
  return true;
}

std::string random_hex(std::size_t bytes) {
  std::array<unsigned char, 64> raw{};
  DUNE_CHECK(bytes >= 1 && bytes <= raw.size(), "random_hex: 1 to 64 bytes");
  fill(std::span(raw).first(bytes));
  std::string text;
  for (std::size_t i = 0; i < bytes; ++i) {
    text.push_back(kHex[raw[i] >> 4]);
    text.push_back(kHex[raw[i] & 0xF]);
  }
  return text;
}

}  // namespace dunetrace
