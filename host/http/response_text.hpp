// Turns a Response into the bytes on the wire. Internal to http/; thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "http/message.hpp"

namespace dunetrace::http {

struct Wire {
  bool head_only = false;  // HEAD: the headers of GET, no body
  bool close = false;      // the connection ends after this answer
  int minor_version = 1;   // of the request
  bool accepts_gzip = false;
  std::string_view request_id;
};

// Adds Date, Content-Length, Connection, X-Request-Id and X-Content-Type-Options; packs the body when that is allowed
// and worth it. Headers that would break the message (CR, LF, NUL, not a token) are left out, and so are those this
// function sets itself.
[[nodiscard]] std::string to_wire(Response response, const Wire& wire);

}  // namespace dunetrace::http
