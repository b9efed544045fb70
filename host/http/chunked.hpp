// Strict decoder of the chunked transfer coding. http_parser as Debian builds it does not look at the CR and LF around
// a chunk, which lets two readers disagree about where a request ends; this one takes exactly what RFC 9112 7.1 says.
// Internal to http/; one per request, not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace dunetrace::http {

class ChunkDecoder {
 public:
  enum class State : std::uint8_t { more, done, malformed, too_large };

  // Appends what it decodes to `body`, which never grows beyond `max_body_bytes`. Returns the bytes consumed: all of
  // `data` unless the body ended inside of it.
  std::size_t feed(std::string_view data, std::string& body, std::size_t max_body_bytes);
  [[nodiscard]] State state() const { return state_; }

 private:
  enum class Part : std::uint8_t {
    size_first,
    size,
    blank,
    extension,
    size_lf,
    data,
    data_cr,
    data_lf,
    line_first,
    line,
    line_lf,
    end_lf
  };
  void on_size(char c);
  void on_line(char c);
  void fail() { state_ = State::malformed; }
  void end_of_size(std::size_t room);

  State state_ = State::more;
  Part part_ = Part::size_first;
  std::uint64_t left_ = 0;  // bytes of the chunk that are still to come
  std::size_t digits_ = 0;
  std::size_t line_bytes_ = 0;  // of the extension or of all trailer lines
  bool colon_seen_ = false;
};

}  // namespace dunetrace::http
