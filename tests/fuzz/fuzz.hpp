// What fuzz targets share. A target is one file that defines run(): it feeds one input to what it tests and states what
// must hold of every outcome. It must not keep anything from one input to the next but what costs too much to make.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

namespace dunetrace::fuzz {

void run(std::string_view input);

// Says what was expected and what was seen, and ends the process, so that the fuzzer keeps the input.
[[noreturn]] void broken(const char* expected, const char* file, int line, std::string_view seen);

#define DUNE_HOLDS(condition, seen) \
  ((condition) ? static_cast<void>(0) : ::dunetrace::fuzz::broken(#condition, __FILE__, __LINE__, seen))

// Makes choices out of an input, from its front. At the end it gives zeros and empty texts.
class Choices {
 public:
  explicit Choices(std::string_view input) : rest_(input) {}

  template <class T>
  [[nodiscard]] T number() {
    T out{};
    const auto n = rest_.size() < sizeof out ? rest_.size() : sizeof out;
    std::memcpy(&out, rest_.data(), n);
    rest_.remove_prefix(n);
    return out;
  }
  [[nodiscard]] unsigned byte() { return number<std::uint8_t>(); }
  [[nodiscard]] bool flag() { return (byte() & 1U) != 0; }
  [[nodiscard]] unsigned below(unsigned n) { return byte() % n; }
  // A length byte and that many bytes.
  [[nodiscard]] std::string_view text() { return take(byte()); }
  [[nodiscard]] std::string_view take(std::size_t n) {
    const auto out = rest_.substr(0, n);
    rest_.remove_prefix(out.size());
    return out;
  }
  [[nodiscard]] std::string_view rest() { return std::exchange(rest_, {}); }
  [[nodiscard]] bool empty() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

// Cuts and orders that depend on nothing but the input.
class Random {
 public:
  explicit Random(std::string_view input) {
    for (const char c : input) state_ = (state_ ^ static_cast<unsigned char>(c)) * 0x100000001B3u;
  }
  [[nodiscard]] std::size_t below(std::size_t n) {
    state_ ^= state_ << 13, state_ ^= state_ >> 7, state_ ^= state_ << 17;
    return static_cast<std::size_t>(state_ % n);
  }

 private:
  std::uint64_t state_ = 0xCBF29CE484222325u;
};

// What stands before and behind the first line that is `---`; everything and nothing when there is none. So the seeds
// of targets that need two texts can be read.
[[nodiscard]] std::pair<std::string_view, std::string_view> two_parts(std::string_view input);

[[nodiscard]] bool is_utf8(std::string_view text);

}  // namespace dunetrace::fuzz
