#include "http/framing.hpp"

#include <http_parser.h>

#include <algorithm>
#include <charconv>
#include <limits>

namespace dunetrace::http {
namespace {

constexpr int kMaxBlankLines = 4;                // before a request line; some clients end a body with one
constexpr std::size_t kBodyReserve = 64 * 1024;  // a declared length is a claim, not a reason to take memory

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

bool is_token_char(char c) {
  if ((c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z')) return true;
  return std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

bool is_token(std::string_view text) { return !text.empty() && std::ranges::all_of(text, is_token_char); }

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  return text;
}

// METHOD SP target SP HTTP/1.x and nothing else: one blank each, visible ASCII in the target.
std::optional<Fault> check_request_line(std::string_view line) {
  const auto first = line.find(' ');
  const auto last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) return Fault::malformed;
  const auto target = line.substr(first + 1, last - first - 1);
  const auto version = line.substr(last + 1);
  if (!is_token(line.substr(0, first))) return Fault::malformed;
  const auto visible = [](char c) { return c > 0x20 && c < 0x7F && c != '#'; };
  if (target.empty() || !std::ranges::all_of(target, visible)) return Fault::malformed;
  if (version == "HTTP/1.1" || version == "HTTP/1.0") return std::nullopt;
  const bool other = version.size() == 8 && version.starts_with("HTTP/") && version[6] == '.' && version[5] >= '0' &&
                     version[5] <= '9' && version[7] >= '0' && version[7] <= '9';
  return other ? Fault::version : Fault::malformed;
}

// A name without blanks directly before the colon; a line that begins with a blank would be a folded one.
bool header_line_is_strict(std::string_view line) {
  const auto colon = line.find(':');
  return colon != std::string_view::npos && is_token(line.substr(0, colon));
}

std::optional<Fault> check_head(std::string_view head) {
  auto end = head.find("\r\n");
  if (const auto fault = check_request_line(head.substr(0, end))) return fault;
  for (head.remove_prefix(end + 2); !head.starts_with("\r\n"); head.remove_prefix(end + 2)) {
    end = head.find("\r\n");
    if (!header_line_is_strict(head.substr(0, end))) return Fault::malformed;
  }
  return std::nullopt;
}

Method method_of(unsigned method) {
  switch (method) {
    case HTTP_GET:
      return Method::get;
    case HTTP_HEAD:
      return Method::head;
    case HTTP_POST:
      return Method::post;
    case HTTP_PUT:
      return Method::put;
    case HTTP_PATCH:
      return Method::patch;
    case HTTP_DELETE:
      return Method::del;
    case HTTP_OPTIONS:
      return Method::options;
    default:
      return Method::other;
  }
}

// The callbacks of http_parser; the whole head is given at once, so every piece arrives whole.
RawRequest& request_of(http_parser* parser) { return *static_cast<RawRequest*>(parser->data); }

int on_url(http_parser* parser, const char* at, std::size_t n) {
  request_of(parser).target.append(at, n);
  return 0;
}

int on_field(http_parser* parser, const char* at, std::size_t n) {
  request_of(parser).headers.emplace_back(std::string(at, n), std::string());
  return 0;
}

int on_value(http_parser* parser, const char* at, std::size_t n) {
  auto& headers = request_of(parser).headers;
  if (headers.empty()) return 1;
  headers.back().second.assign(trim({at, n}));
  return 0;
}

int on_headers_complete(http_parser* parser) {
  auto& request = request_of(parser);
  request.method = method_of(parser->method);
  request.minor_version = parser->http_minor;
  request.keep_alive = http_should_keep_alive(parser) != 0;
  return 1;  // no body: we frame it ourselves
}

const http_parser_settings& settings() {
  static const http_parser_settings value = [] {
    http_parser_settings s;
    http_parser_settings_init(&s);
    s.on_url = on_url;
    s.on_header_field = on_field;
    s.on_header_value = on_value;
    s.on_headers_complete = on_headers_complete;
    return s;
  }();
  return value;
}

std::optional<Fault> parse_head(std::string_view head, RawRequest& request) {
  http_parser parser;
  http_parser_init(&parser, HTTP_REQUEST);
  parser.data = &request;
  const auto consumed = http_parser_execute(&parser, &settings(), head.data(), head.size());
  switch (HTTP_PARSER_ERRNO(&parser)) {
    case HPE_OK:
      break;
    case HPE_INVALID_METHOD:
      return Fault::unknown_method;
    case HPE_HEADER_OVERFLOW:
      return Fault::headers_too_large;
    default:
      return Fault::malformed;
  }
  if (consumed != head.size()) return Fault::malformed;
  return std::nullopt;
}

// The only value of a header; `count` tells repeats.
struct Single {
  int count = 0;
  std::string_view value;
};

Single single(const Headers& headers, std::string_view name) {
  Single found;
  for (const auto& [key, value] : headers) {
    if (!equal_ignoring_case(key, name)) continue;
    ++found.count;
    found.value = value;
  }
  return found;
}

}  // namespace

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view reason_phrase(int status) {
  switch (status) {
#define DUNE_REASON(number, name, text) \
  case number:                          \
    return #text;
    HTTP_STATUS_MAP(DUNE_REASON)
#undef DUNE_REASON
    default:
      return "Unknown";
  }
}

std::size_t Framer::feed(std::string_view data) {
  std::size_t consumed = 0;
  while (state_ == State::need_more && consumed < data.size()) {
    const auto rest = data.substr(consumed);
    switch (part_) {
      case Part::head:
        consumed += feed_head(rest);
        break;
      case Part::counted_body:
        consumed += feed_counted(rest);
        break;
      case Part::chunked_body:
        consumed += feed_chunked(rest);
        break;
    }
  }
  return consumed;
}

std::size_t Framer::feed_head(std::string_view data) {
  for (std::size_t i = 0; i < data.size(); ++i) {
    const char c = data[i];
    const auto byte = static_cast<unsigned char>(c);
    const bool after_cr = !head_.empty() && head_.back() == '\r';
    // A bare CR, a bare LF and control characters are refused as soon as they are seen, not at the end of the head.
    if ((c == '\n') != after_cr || (byte < 0x20 && c != '\t' && c != '\r' && c != '\n') || byte == 0x7F) {
      fail(Fault::malformed);
      return i + 1;
    }
    head_.push_back(c);
    if (c == '\n') {
      const bool empty_line = head_.size() - line_start_ == 2;
      line_start_ = head_.size();
      if (empty_line && head_.size() == 2) {
        head_.clear();
        line_start_ = 0;
        if (++blank_lines_ > kMaxBlankLines) fail(Fault::malformed);
      } else if (empty_line) {
        finish_head();
      }
      if (state_ != State::need_more || part_ != Part::head) return i + 1;
    }
    if (head_.size() >= limits_.max_header_bytes) {
      fail(Fault::headers_too_large);
      return i + 1;
    }
  }
  return data.size();
}

void Framer::finish_head() {
  auto fault = check_head(head_);
  if (!fault) fault = parse_head(head_, request_);
  head_.clear();
  line_start_ = 0;
  if (fault) return fail(*fault);
  choose_body();
}

// RFC 9112 6.3 without its choices: one Content-Length or "chunked", never both, never twice.
void Framer::choose_body() {
  const auto host = single(request_.headers, "host");
  const auto coding = single(request_.headers, "transfer-encoding");
  const auto length = single(request_.headers, "content-length");
  const bool old = request_.minor_version == 0;
  if (host.count > 1 || (host.count == 0 && !old)) return fail(Fault::malformed);
  if (coding.count > 1 || length.count > 1 || (coding.count == 1 && (length.count == 1 || old))) {
    return fail(Fault::malformed);
  }
  if (coding.count == 1) {
    if (!equal_ignoring_case(coding.value, "chunked")) return fail(Fault::malformed);
    part_ = Part::chunked_body;
    chunks_ = ChunkDecoder();
  } else if (length.count == 1) {
    const auto* const end = length.value.data() + length.value.size();
    const bool digits =
        !length.value.empty() && std::ranges::all_of(length.value, [](char c) { return c >= '0' && c <= '9'; });
    if (!digits) return fail(Fault::malformed);
    if (std::from_chars(length.value.data(), end, body_left_).ec != std::errc()) {
      body_left_ = std::numeric_limits<std::uint64_t>::max();  // more than 64 bits hold
    }
    if (body_left_ > limits_.max_body_bytes) return fail(Fault::body_too_large);
    part_ = Part::counted_body;
    request_.body.reserve(std::min<std::size_t>(static_cast<std::size_t>(body_left_), kBodyReserve));
  }
  const bool has_body = part_ == Part::chunked_body || body_left_ > 0;
  if (const auto expect = single(request_.headers, "expect"); expect.count > 0 && !old) {
    if (!equal_ignoring_case(expect.value, "100-continue")) return fail(Fault::expectation);
    wants_continue_ = has_body;
  }
  head_is_new_ = has_body;
  if (!has_body) state_ = State::complete;
}

std::size_t Framer::feed_counted(std::string_view data) {
  const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(body_left_, data.size()));
  request_.body.append(data.substr(0, n));
  body_left_ -= n;
  wants_continue_ = false;  // the client did not wait
  if (body_left_ == 0) state_ = State::complete;
  return n;
}

std::size_t Framer::feed_chunked(std::string_view data) {
  wants_continue_ = false;
  const auto n = chunks_.feed(data, request_.body, limits_.max_body_bytes);
  switch (chunks_.state()) {
    case ChunkDecoder::State::more:
      break;
    case ChunkDecoder::State::done:
      state_ = State::complete;
      break;
    case ChunkDecoder::State::malformed:
      fail(Fault::malformed);
      break;
    case ChunkDecoder::State::too_large:
      fail(Fault::body_too_large);
      break;
  }
  return n;
}

const RawRequest* Framer::take_head() {
  if (state_ != State::need_more || !std::exchange(head_is_new_, false)) return nullptr;
  return part_ == Part::chunked_body || body_left_ > kBodyReserve ? &request_ : nullptr;
}

bool Framer::take_continue() { return state_ == State::need_more && std::exchange(wants_continue_, false); }

RawRequest Framer::take() {
  state_ = State::need_more;
  part_ = Part::head;
  head_.clear();
  line_start_ = 0;
  blank_lines_ = 0;
  body_left_ = 0;
  wants_continue_ = false;
  head_is_new_ = false;
  return std::exchange(request_, RawRequest());
}

}  // namespace dunetrace::http
