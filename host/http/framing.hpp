// Cuts a byte stream into HTTP requests, strictly: what two readers could understand differently is refused
// (libhttp-parser reads the head, the checks it does not make are ours). Internal to http/. No I/O; not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "http/chunked.hpp"
#include "http/message.hpp"

namespace dunetrace::http {

// Why a connection cannot go on. Each has one status and one text (dispatcher.cpp).
enum class Fault : std::uint8_t {
  malformed,          // 400
  timeout,            // 408: the request did not become complete in time
  body_too_large,     // 413
  expectation,        // 417
  headers_too_large,  // 431
  unknown_method,     // 501
  version,            // 505
  memory              // 503: the bodies of all requests take too much
};

struct RawRequest {
  Method method = Method::other;
  std::string target;
  Headers headers;
  std::string body;  // transfer coding removed, content coding not
  int minor_version = 1;
  bool keep_alive = false;
};

struct FrameLimits {
  std::size_t max_header_bytes = 16 * 1024;
  std::size_t max_body_bytes = 10 * 1024 * 1024;
};

class Framer {
 public:
  enum class State : std::uint8_t { need_more, complete, fault };

  explicit Framer(FrameLimits limits) : limits_(limits) {}

  // Returns the bytes consumed: all of `data` unless a request became complete or a fault was found.
  std::size_t feed(std::string_view data);
  [[nodiscard]] State state() const { return state_; }
  [[nodiscard]] Fault fault() const { return fault_; }  // only in State::fault
  // Some bytes of the next request are here, but not all.
  [[nodiscard]] bool inside_request() const {
    return state_ == State::need_more && (part_ != Part::head || !head_.empty());
  }
  // What has come of the body of the current request.
  [[nodiscard]] std::size_t body_bytes() const { return request_.body.size(); }
  // Once per request: its head, when it came before a long body that is not here yet. Valid until the next call.
  [[nodiscard]] const RawRequest* take_head();
  // True once per request whose client waits for "100 Continue" before it sends the body.
  [[nodiscard]] bool take_continue();
  // The complete request, or what is known of one with a fault; the framer then starts the next one.
  [[nodiscard]] RawRequest take();

 private:
  enum class Part : std::uint8_t { head, counted_body, chunked_body };
  std::size_t feed_head(std::string_view data);
  std::size_t feed_counted(std::string_view data);
  std::size_t feed_chunked(std::string_view data);
  void finish_head();
  void choose_body();
  void fail(Fault fault) {
    state_ = State::fault;
    fault_ = fault;
  }

  FrameLimits limits_;
  State state_ = State::need_more;
  Fault fault_ = Fault::malformed;
  Part part_ = Part::head;
  std::string head_;
  int blank_lines_ = 0;
  std::size_t line_start_ = 0;
  RawRequest request_;
  std::uint64_t body_left_ = 0;
  ChunkDecoder chunks_;
  bool wants_continue_ = false;
  bool head_is_new_ = false;
};

// "Not Found" for 404.
[[nodiscard]] std::string_view reason_phrase(int status);

[[nodiscard]] bool equal_ignoring_case(std::string_view a, std::string_view b);

}  // namespace dunetrace::http
