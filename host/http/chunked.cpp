#include "http/chunked.hpp"

#include <algorithm>

namespace dunetrace::http {
namespace {

constexpr std::size_t kMaxSizeDigits = 15;        // 60 bits: cannot overflow, far above every limit
constexpr std::size_t kMaxExtensionBytes = 1024;  // of one chunk; nobody sends any
constexpr std::size_t kMaxTrailerBytes = 8192;

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_control(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (byte < 0x20 && c != '\t') || byte == 0x7F;
}

}  // namespace

std::size_t ChunkDecoder::feed(std::string_view data, std::string& body, std::size_t max_body_bytes) {
  std::size_t at = 0;
  while (at < data.size() && state_ == State::more) {
    if (part_ == Part::data) {
      const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(left_, data.size() - at));
      body.append(data.substr(at, n));
      at += n;
      left_ -= n;
      if (left_ == 0) part_ = Part::data_cr;
      continue;
    }
    const char c = data[at++];
    switch (part_) {
      case Part::size_first:
      case Part::size:
      case Part::blank:
      case Part::extension:
        on_size(c);
        break;
      case Part::size_lf:
        if (c == '\n')
          end_of_size(max_body_bytes - body.size());
        else
          fail();
        break;
      case Part::data_cr:
        c == '\r' ? void(part_ = Part::data_lf) : fail();
        break;
      case Part::data_lf:
        c == '\n' ? void(part_ = Part::size_first) : fail();
        break;
      case Part::line_first:
      case Part::line:
      case Part::line_lf:
        on_line(c);
        break;
      case Part::end_lf:
        c == '\n' ? void(state_ = State::done) : fail();
        break;
      case Part::data:
        break;
    }
  }
  return at;
}

void ChunkDecoder::on_size(char c) {
  if (part_ == Part::size_first || part_ == Part::size) {
    if (part_ == Part::size_first) {
      digits_ = 0;
      left_ = 0;
      line_bytes_ = 0;
    }
    if (const int value = hex_value(c); value >= 0) {
      if (++digits_ > kMaxSizeDigits) return fail();
      left_ = left_ * 16 + static_cast<unsigned>(value);
      part_ = Part::size;
      return;
    }
    if (digits_ == 0) return fail();
  }
  if (c == '\r' && part_ != Part::blank) {
    part_ = Part::size_lf;
    return;
  }
  if (++line_bytes_ > kMaxExtensionBytes || is_control(c)) return fail();
  if (part_ == Part::extension) return;
  if (c == ';')
    part_ = Part::extension;
  else if (c == ' ' || c == '\t')
    part_ = Part::blank;  // allowed before a ';' only
  else
    fail();
}

void ChunkDecoder::end_of_size(std::size_t room) {
  if (left_ > room) {
    state_ = State::too_large;
  } else if (left_ == 0) {
    part_ = Part::line_first;
    line_bytes_ = 0;
  } else {
    part_ = Part::data;
  }
}

// Trailer fields are checked for shape and dropped: nobody reads them.
void ChunkDecoder::on_line(char c) {
  if (part_ == Part::line_lf) {
    if (c != '\n') return fail();
    part_ = Part::line_first;
    return;
  }
  if (c == '\r') {
    if (part_ == Part::line && !colon_seen_) return fail();
    part_ = part_ == Part::line_first ? Part::end_lf : Part::line_lf;
    return;
  }
  if (++line_bytes_ > kMaxTrailerBytes || is_control(c)) return fail();
  if (part_ == Part::line_first) {
    if (c == ' ' || c == '\t' || c == ':') return fail();
    colon_seen_ = false;
    part_ = Part::line;
    return;
  }
  if (c == ':')
    colon_seen_ = true;
  else if (!colon_seen_ && (c == ' ' || c == '\t'))
    fail();
}

}  // namespace dunetrace::http
