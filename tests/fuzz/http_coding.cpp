// Request bodies with a content coding. Three kinds of input by the first byte: any bytes as gzip or deflate; and a
// text that is packed here, whole or damaged. The limit on the unpacked size holds, to the byte; nothing is unpacked
// that was not packed whole.
#include <zlib.h>

#include <vector>

#include "fuzz.hpp"
#include "http/compression.hpp"

namespace dunetrace::fuzz {
namespace {

using namespace http;

constexpr std::size_t kLimit = 64 * 1024;

void check(Coding coding, std::string_view packed) {
  std::string out;
  const auto result = inflate(coding, packed, kLimit, out);
  DUNE_HOLDS(out.size() <= kLimit + 1, packed);
  if (result != Inflated::ok) return;
  DUNE_HOLDS(out.size() <= kLimit, packed);
  std::string again;
  DUNE_HOLDS(inflate(coding, packed, out.size(), again) == Inflated::ok && again == out, packed);
  if (!out.empty()) DUNE_HOLDS(inflate(coding, packed, out.size() - 1, again) == Inflated::too_large, packed);
  DUNE_HOLDS(inflate(coding, packed.substr(0, packed.size() - 1), kLimit, again) != Inflated::ok || packed.size() < 2,
             packed);
  DUNE_HOLDS(inflate(Coding::gzip, gzip(out), kLimit, again) == Inflated::ok && again == out, out);
}

void check_packed(Choices& choices) {
  const auto repeats = 1 + choices.below(16);
  const auto cut = choices.number<std::uint16_t>();
  std::string text;
  const auto piece = choices.rest();
  for (unsigned i = 0; i < repeats; ++i) text += piece;
  const auto packed = gzip(text);
  std::string out;
  DUNE_HOLDS(!packed.empty(), text);
  DUNE_HOLDS(inflate(Coding::gzip, packed, text.size(), out) == Inflated::ok && out == text, text);
  // Members may follow each other, and their sizes add up.
  DUNE_HOLDS(inflate(Coding::gzip, packed + packed, text.size() * 2, out) == Inflated::ok && out == text + text, text);
  if (!text.empty())
    DUNE_HOLDS(inflate(Coding::gzip, packed + packed, text.size() * 2 - 1, out) == Inflated::too_large, text);
  DUNE_HOLDS(inflate(Coding::gzip, packed.substr(0, cut % packed.size()), kLimit * 64, out) == Inflated::corrupt, text);
  check(Coding::gzip, packed + std::string(piece));
  uLongf size = ::compressBound(static_cast<uLong>(text.size()));
  std::vector<Bytef> zipped(size);
  ::compress(zipped.data(), &size, reinterpret_cast<const Bytef*>(text.data()), static_cast<uLong>(text.size()));
  const std::string_view zlib(reinterpret_cast<const char*>(zipped.data()), size);
  DUNE_HOLDS(inflate(Coding::deflate, zlib, text.size(), out) == Inflated::ok && out == text, text);
  DUNE_HOLDS(inflate(Coding::deflate, zlib.substr(0, cut % size), kLimit * 64, out) == Inflated::corrupt, text);
}

}  // namespace

void run(std::string_view input) {
  Choices choices(input);
  switch (choices.below(4)) {
    case 0:
      return check(Coding::gzip, choices.rest());
    case 1:
      return check(Coding::deflate, choices.rest());
    case 2:
      return check_packed(choices);
    default:
      break;
  }
  const auto header = choices.rest();
  static_cast<void>(coding_of(header));
  static_cast<void>(is_compressible(header));
  // What is forbidden by name is not allowed by something else.
  if (accepts_gzip(header)) DUNE_HOLDS(!header.empty(), header);
  DUNE_HOLDS(!accepts_gzip("gzip;q=0, " + std::string(header)), header);
}

}  // namespace dunetrace::fuzz
