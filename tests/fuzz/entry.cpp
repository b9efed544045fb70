// libFuzzer's entry, and what fuzz.hpp promises.
#include <cstdio>
#include <cstdlib>

#include "fuzz.hpp"

namespace dunetrace::fuzz {

void broken(const char* expected, const char* file, int line, std::string_view seen) {
  std::fprintf(stderr, "%s:%d: does not hold: %s\n%.*s\n", file, line, expected, static_cast<int>(seen.size()),
               seen.data());
  std::abort();
}

std::pair<std::string_view, std::string_view> two_parts(std::string_view input) {
  constexpr std::string_view kBetween = "\n---\n";
  const auto at = input.find(kBetween);
  if (at == std::string_view::npos) return {input, {}};
  return {input.substr(0, at), input.substr(at + kBetween.size())};
}

// Written anew rather than taken from the host, which is what is tested.
bool is_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const std::size_t length = lead < 0x80 ? 1 : lead >> 5 == 6 ? 2 : lead >> 4 == 14 ? 3 : lead >> 3 == 30 ? 4 : 0;
    if (length == 0 || i + length > text.size()) return false;
    std::uint32_t code = length == 1 ? lead : lead & (0x7Fu >> length);
    for (std::size_t j = 1; j < length; ++j) {
      const auto next = static_cast<unsigned char>(text[i + j]);
      if (next >> 6 != 2) return false;
      code = code << 6 | (next & 0x3Fu);
    }
    constexpr std::uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
    if (code < kLeast[length] || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) return false;
    i += length;
  }
  return true;
}

}  // namespace dunetrace::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  dunetrace::fuzz::run({reinterpret_cast<const char*>(data), size});
  return 0;
}
