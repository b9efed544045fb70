#include "http/compression.hpp"

#include <zlib.h>

#include <algorithm>
#include <limits>

#include "http/framing.hpp"

namespace dunetrace::http {
namespace {

constexpr int kLevel = 5;             // two thirds of the time of 6 for about 2 % more bytes on JSON
constexpr int kGzipWindow = 15 + 16;  // zlib: the largest window, gzip wrapper
constexpr int kZlibWindow = 15;
constexpr std::size_t kStepBytes = 64 * 1024;  // output grows by what really comes out, not by a claim

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

Bytef* bytes(std::string_view text) { return reinterpret_cast<Bytef*>(const_cast<char*>(text.data())); }

struct InflateStream {
  z_stream z{};
  bool open = false;
  explicit InflateStream(int window) { open = inflateInit2(&z, window) == Z_OK; }
  InflateStream(const InflateStream&) = delete;
  InflateStream& operator=(const InflateStream&) = delete;
  ~InflateStream() {
    if (open) inflateEnd(&z);
  }
};

Inflated run(int window, bool members, std::string_view packed, std::size_t max_bytes, std::string& out) {
  InflateStream stream(window);
  if (!stream.open || packed.size() > std::numeric_limits<uInt>::max()) return Inflated::corrupt;
  auto& z = stream.z;
  z.next_in = bytes(packed);
  z.avail_in = static_cast<uInt>(packed.size());
  std::size_t used = 0;
  for (;;) {
    // One byte more than allowed tells "exactly the limit" from "above it".
    const std::size_t room = std::min(kStepBytes, max_bytes + 1 - used);
    out.resize(used + room);
    z.next_out = bytes(out) + used;
    z.avail_out = static_cast<uInt>(room);
    const int result = ::inflate(&z, Z_NO_FLUSH);
    used += room - z.avail_out;
    out.resize(used);
    if (used > max_bytes) return Inflated::too_large;
    if (result == Z_STREAM_END) {
      if (z.avail_in == 0) return Inflated::ok;
      if (!members || inflateReset(&z) != Z_OK) return Inflated::corrupt;  // gzip members may follow each other
    } else if (result != Z_OK) {
      return Inflated::corrupt;  // also Z_BUF_ERROR: the data ends too early
    }
  }
}

}  // namespace

std::string gzip(std::string_view text) {
  z_stream z{};
  if (text.size() > std::numeric_limits<uInt>::max() / 2) return {};
  if (deflateInit2(&z, kLevel, Z_DEFLATED, kGzipWindow, 8, Z_DEFAULT_STRATEGY) != Z_OK) return {};
  std::string out(deflateBound(&z, static_cast<uLong>(text.size())), '\0');
  z.next_in = bytes(text);
  z.avail_in = static_cast<uInt>(text.size());
  z.next_out = bytes(out);
  z.avail_out = static_cast<uInt>(out.size());
  const int result = ::deflate(&z, Z_FINISH);
  out.resize(result == Z_STREAM_END ? z.total_out : 0);
  deflateEnd(&z);
  return out;
}

Coding coding_of(std::string_view header) {
  header = trim(header);
  if (header.empty() || equal_ignoring_case(header, "identity")) return Coding::identity;
  if (equal_ignoring_case(header, "gzip") || equal_ignoring_case(header, "x-gzip")) return Coding::gzip;
  if (equal_ignoring_case(header, "deflate")) return Coding::deflate;
  return Coding::unknown;
}

Inflated inflate(Coding coding, std::string_view packed, std::size_t max_bytes, std::string& out) {
  out.clear();
  if (coding == Coding::gzip) return run(kGzipWindow, true, packed, max_bytes, out);
  // "deflate" means the zlib format, but some clients send the bare stream; the first two bytes tell them apart.
  const auto byte = [packed](std::size_t i) { return i < packed.size() ? static_cast<unsigned char>(packed[i]) : 0U; };
  const bool zlib = (byte(0) & 0x0FU) == 8 && (byte(0) * 256 + byte(1)) % 31 == 0;
  return run(zlib ? kZlibWindow : -kZlibWindow, false, packed, max_bytes, out);
}

bool accepts_gzip(std::string_view accept_encoding) {
  bool any = false;
  while (!accept_encoding.empty()) {
    const auto end = std::min(accept_encoding.find(','), accept_encoding.size());
    const auto item = accept_encoding.substr(0, end);
    accept_encoding.remove_prefix(std::min(end + 1, accept_encoding.size()));
    const auto semicolon = std::min(item.find(';'), item.size());
    const auto name = trim(item.substr(0, semicolon));
    const auto weight = item.substr(semicolon);
    const auto q = weight.find("q=");
    // q=0, q=0.0, q=0.000 forbid; every other weight allows.
    const bool allowed =
        q == std::string_view::npos || weight.find_first_of("123456789", q + 2) != std::string_view::npos;
    if (equal_ignoring_case(name, "gzip") || equal_ignoring_case(name, "x-gzip")) return allowed;
    if (name == "*") any = allowed;
  }
  return any;
}

bool is_compressible(std::string_view content_type) {
  const auto type = trim(content_type.substr(0, content_type.find(';')));
  return type.starts_with("text/") || type.ends_with("+json") || type.ends_with("+xml") || type == "application/json" ||
         type == "application/javascript" || type == "application/xml" || type == "application/x-ndjson";
}

}  // namespace dunetrace::http
