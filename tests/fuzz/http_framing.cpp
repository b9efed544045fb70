// A stream of requests as bytes; the last byte decides how it is cut. The framer says the same however the bytes come,
// keeps its limits, and what it accepted reads the same when it is written down plainly.
#include "http/framing.hpp"

#include <algorithm>
#include <vector>

#include "fuzz.hpp"

namespace dunetrace::fuzz {
namespace {

using namespace http;

constexpr FrameLimits kLimits{1024, 2048};
constexpr FrameLimits kWide{1024 * 64, 2048};

struct Outcome {
  std::vector<RawRequest> requests;
  int fault = -1;
  std::size_t consumed = 0;
  std::size_t pending = 0;  // of the body of the unfinished request
  bool inside = false;
};

Outcome frame(std::string_view stream, const FrameLimits& limits, Random* cuts) {
  Framer framer(limits);
  Outcome out;
  while (!stream.empty()) {
    const auto piece = cuts == nullptr ? stream : stream.substr(0, 1 + cuts->below(1 + cuts->below(40)));
    const auto n = framer.feed(piece);
    DUNE_HOLDS(n <= piece.size() && (n > 0 || framer.state() != Framer::State::need_more), stream);
    stream.remove_prefix(n);
    out.consumed += n;
    DUNE_HOLDS(framer.body_bytes() <= limits.max_body_bytes, stream);
    if (framer.state() == Framer::State::fault) {
      out.fault = static_cast<int>(framer.fault());
      return out;
    }
    if (framer.state() == Framer::State::complete) {
      out.requests.push_back(framer.take());
      continue;
    }
    DUNE_HOLDS(n == piece.size(), stream);
    if (cuts != nullptr && cuts->below(2) == 0) static_cast<void>(framer.take_continue());
    if (cuts != nullptr && cuts->below(2) == 0) static_cast<void>(framer.take_head());
  }
  out.inside = framer.inside_request();
  out.pending = framer.body_bytes();
  return out;
}

bool equal(const RawRequest& a, const RawRequest& b) {
  return a.method == b.method && a.target == b.target && a.headers == b.headers && a.body == b.body &&
         a.minor_version == b.minor_version && a.keep_alive == b.keep_alive;
}

bool frames_itself(std::string_view name) {
  return equal_ignoring_case(name, "content-length") || equal_ignoring_case(name, "transfer-encoding");
}

// What was accepted has one meaning: written without choices it is the same request.
void check_plain_form(const RawRequest& request) {
  if (request.method == Method::other) return;  // its name is not kept
  const bool old = request.minor_version == 0;
  std::string text(to_text(request.method));
  text += " " + request.target + (old ? " HTTP/1.0\r\n" : " HTTP/1.1\r\n");
  Headers kept;
  for (const auto& [name, value] : request.headers) {
    DUNE_HOLDS(!name.empty() && value.find_first_of("\r\n") == std::string::npos, name);
    if (frames_itself(name)) continue;
    // http_parser takes this for the real one when a length stands beside it (framing_test.cpp).
    if (equal_ignoring_case(std::string_view(name).substr(0, 17), "transfer-encoding")) return;
    kept.emplace_back(name, value);
    text += name + ": " + value + "\r\n";
  }
  kept.emplace_back("Content-Length", std::to_string(request.body.size()));
  text += "Content-Length: " + kept.back().second + "\r\n\r\n" + request.body;
  const auto again = frame(text, kWide, nullptr);
  DUNE_HOLDS(again.fault == -1 && again.requests.size() == 1 && !again.inside, text);
  const auto& copy = again.requests.front();
  DUNE_HOLDS(copy.method == request.method && copy.target == request.target && copy.body == request.body, text);
  DUNE_HOLDS(copy.headers == kept && copy.keep_alive == request.keep_alive, text);
}

}  // namespace

void run(std::string_view input) {
  if (input.empty()) return;
  Random cuts(input);
  const auto stream = input.substr(0, input.size() - 1);
  const auto whole = frame(stream, kLimits, nullptr);
  const auto cut = frame(stream, kLimits, &cuts);
  DUNE_HOLDS(whole.requests.size() == cut.requests.size() && whole.fault == cut.fault, stream);
  DUNE_HOLDS(whole.consumed == cut.consumed && whole.inside == cut.inside && whole.pending == cut.pending, stream);
  for (std::size_t i = 0; i < whole.requests.size(); ++i) {
    DUNE_HOLDS(equal(whole.requests[i], cut.requests[i]), stream);
    check_plain_form(whole.requests[i]);
  }
}

}  // namespace dunetrace::fuzz
