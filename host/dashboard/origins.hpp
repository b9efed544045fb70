// Where the browser finds the API and the ingest port, seen from the host name it used for the page. Pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/result.hpp"

namespace dunetrace::dashboard {

struct Origins {
  std::string api;         // base of the API, no final '/': "http://localhost:8002"
  std::string api_origin;  // scheme, host and port of it: what the Content-Security-Policy names
  std::string ingest;      // "http://localhost:8001", for the examples on the page
};

// The host part of a Host header, without the port: "localhost:3000" → "localhost", "[::1]:3000" → "[::1]". It ends up
// in a header and in a script, so anything but [A-Za-z0-9.-:[]] is invalid_argument. Empty (HTTP/1.0) → "localhost".
[[nodiscard]] Result<std::string> host_of(std::string_view host_header);

// "https://api.example:8002/base" → "https://api.example:8002". invalid_argument when it is no http(s) URL.
[[nodiscard]] Result<std::string> origin_of(std::string_view url);

// `api_base` empty: the host of the page with `api_port`.
[[nodiscard]] Result<Origins> origins_for(std::string_view host_header, std::string_view api_base,
                                          std::uint16_t api_port, std::uint16_t ingest_port);

}  // namespace dunetrace::dashboard
