#include "spool/log_check.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "spool/spool_file.hpp"

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

bool is_page_size(std::uint32_t bytes) { return bytes >= 512 && bytes <= kLargestPage && (bytes & (bytes - 1)) == 0; }

bool is_sound(const Header& header) {
  const auto magic = number_at(header.data());
  Sum sum((magic & 1U) != 0);
  sum.add(header.data(), 24);
  return (magic & ~1U) == kMagic && is_page_size(number_at(header.data() + 8)) && sum.is(header.data() + 24);
}

// What the header says, what the file beside the log says, and what our files have: either of the two may be damaged.
std::set<std::uint32_t> likely_page_sizes(const std::filesystem::path& log, const Header& header) {
  std::set<std::uint32_t> sizes{SpoolFile::kPageBytes};
  const auto add = [&](std::uint32_t size) {
    if (is_page_size(size)) sizes.insert(size);
  };
  add(number_at(header.data() + 8));
  auto database = log.string();
  if (database.ends_with("-wal")) database.resize(database.size() - 4);
  Header start{};
  if (std::ifstream in(database, std::ios::binary); read_header(in, start)) {
    const auto size = number_at(start.data() + 16) >> 16;
    add(size == 1 ? kLargestPage : size);
  }
  return sizes;
}

// The most transactions that end in frames of the same salts.
std::size_t most_commits(std::ifstream& in, std::uint32_t page) {
  std::map<std::string, std::size_t> commits;  // by salts
  std::array<char, kFrameHeader> frame{};
  in.clear();
  for (std::size_t at = kHeader;; at += kFrameHeader + page) {
    in.seekg(static_cast<std::streamoff>(at));
    if (!in.read(frame.data(), frame.size())) break;
    const std::string salts(frame.data() + 8, 8);
    const bool is_frame = number_at(frame.data()) != 0 && salts != std::string(8, '\0');
    if (is_frame && number_at(frame.data() + 4) != 0) ++commits[salts];
  }
  std::size_t most = 0;
  for (const auto& [salts, count] : commits) most = std::max(most, count);
  return most;
}

// SQLite syncs the header of a log before it adds frames, so one that makes no sense has nothing behind it but zeros,
// or was damaged later.
std::optional<std::string> damage_of_header(std::ifstream& in, const std::filesystem::path& log, const Header& header) {
  std::size_t commits = 0;
  for (const auto page : likely_page_sizes(log, header)) commits = std::max(commits, most_commits(in, page));
  Header now{};
  if (commits < 2 || !read_header(in, now) || now != header) return std::nullopt;
  return "the log is damaged at byte 0, " + std::to_string(commits) + " transactions from there on are lost";
}

// A frame is written in two parts. A crash leaves a file that ends behind one of them or at a block of the disk.
bool is_cut(std::size_t frame_bytes, std::size_t file_bytes) {
  constexpr std::size_t kBlock = 512;
  return frame_bytes > kFrameHeader && file_bytes % kBlock != 0;
}

}  // namespace

std::optional<std::string> damage_of_log(const std::filesystem::path& log) {
  std::ifstream in(log, std::ios::binary);
  Header header{};
  if (!in || !read_header(in, header)) return std::nullopt;
  if (!is_sound(header)) return damage_of_header(in, log, header);

  const auto page = number_at(header.data() + 8);
  Sum sum((number_at(header.data()) & 1U) != 0);
  sum.add(header.data(), 24);
  const std::string_view salts(header.data() + 16, 8);
  std::vector<char> frame(kFrameHeader + page);
  std::optional<std::size_t> broken_at;
  int commits_behind = 0;
  auto at = kHeader;
  for (; in.read(frame.data(), static_cast<std::streamsize>(frame.size())); at += frame.size()) {
    const bool ours = std::string_view(frame.data() + 8, 8) == salts;
    if (!broken_at) {
      sum.add(frame.data(), 8);
      sum.add(frame.data() + kFrameHeader, page);
      if (!ours || !sum.is(frame.data() + 16)) broken_at = at;
    }
    if (broken_at && ours && number_at(frame.data() + 4) != 0) ++commits_behind;
  }
  const auto rest = static_cast<std::size_t>(in.gcount());
  const bool cut = !broken_at && is_cut(rest, at + rest) && std::string_view(frame.data() + 8, 8) == salts;
  // One transaction at a time is on its way to the disk, and its commit waits for those before it. So a crash leaves
  // one commit behind a broken frame at most.
  Header now{};
  if ((commits_behind < 2 && !cut) || !read_header(in, now) || now != header) return std::nullopt;
  if (cut) return "the log is cut off at byte " + std::to_string(at + rest) + ", what followed is lost";
  return "the log is damaged at byte " + std::to_string(*broken_at) + ", " + std::to_string(commits_behind) +
         " transactions from there on are lost";
}

}  // namespace dunetrace::spool
