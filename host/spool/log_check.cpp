#include "spool/log_check.hpp"

#include <array>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <string_view>
#include <vector>

namespace dunetrace::spool {
namespace {

// The format is described at sqlite.org/fileformat2.html, section 4. Numbers are big-endian.
constexpr std::size_t kHeader = 32;
constexpr std::size_t kFrameHeader = 24;
constexpr std::uint32_t kMagic = 0x377F0682;  // the last bit: checksums over big-endian words
constexpr std::uint32_t kLargestPage = 65'536;

std::uint32_t number_at(const char* bytes) {
  std::uint32_t out = 0;
  for (int i = 0; i < 4; ++i) out = out << 8 | static_cast<unsigned char>(bytes[i]);
  return out;
}

class Sum {
 public:
  explicit Sum(bool big_endian) : big_endian_(big_endian) {}
  void add(const char* bytes, std::size_t size) {
    for (std::size_t i = 0; i + 8 <= size; i += 8) {
      first_ += word(bytes + i) + second_;
      second_ += word(bytes + i + 4) + first_;
    }
  }
  [[nodiscard]] bool is(const char* bytes) const {
    return first_ == number_at(bytes) && second_ == number_at(bytes + 4);
  }

 private:
  [[nodiscard]] std::uint32_t word(const char* bytes) const {
    const auto number = number_at(bytes);
    return big_endian_ ? number : __builtin_bswap32(number);
  }
  bool big_endian_;
  std::uint32_t first_ = 0, second_ = 0;
};

using Header = std::array<char, kHeader>;

bool read_header(std::ifstream& in, Header& header) {
  in.clear();
  in.seekg(0);
  return static_cast<bool>(in.read(header.data(), kHeader));
}

}  // namespace

std::optional<std::string> damage_of_log(const std::filesystem::path& log) {
  std::ifstream in(log, std::ios::binary);
  Header header{};
  if (!in || !read_header(in, header)) return std::nullopt;
  const auto magic = number_at(header.data());
  const auto page = number_at(header.data() + 8);
  Sum sum((magic & 1U) != 0);
  sum.add(header.data(), 24);
  // A header that makes no sense belongs to a log that was just begun, when nothing in it was promised.
  if ((magic & ~1U) != kMagic || page < 512 || page > kLargestPage || !sum.is(header.data() + 24)) return std::nullopt;

  const std::string_view salts(header.data() + 16, 8);
  std::vector<char> frame(kFrameHeader + page);
  std::optional<std::size_t> broken_at;
  int commits_behind = 0;
  for (std::size_t at = kHeader; in.read(frame.data(), static_cast<std::streamsize>(frame.size()));
       at += frame.size()) {
    const bool ours = std::string_view(frame.data() + 8, 8) == salts;
    if (!broken_at) {
      sum.add(frame.data(), 8);
      sum.add(frame.data() + kFrameHeader, page);
      if (!ours || !sum.is(frame.data() + 16)) broken_at = at;
    }
    if (broken_at && ours && number_at(frame.data() + 4) != 0) ++commits_behind;
  }
  // One transaction at a time is on its way to the disk, and its commit waits for those before it. So a crash leaves
  // one commit behind a broken frame at most.
  Header now{};
  if (commits_behind < 2 || !read_header(in, now) || now != header) return std::nullopt;
  return "the log is damaged at byte " + std::to_string(*broken_at) + ", " + std::to_string(commits_behind) +
         " transactions from there on are lost";
}

}  // namespace dunetrace::spool
