// Cross-origin rules of a port. Internal to http/; pure functions.
#pragma once

#include <string_view>

#include "http/message.hpp"
#include "http/server.hpp"

namespace dunetrace::http {

[[nodiscard]] bool origin_allowed(const Cors& cors, std::string_view origin);

// The headers every answer carries, errors too. Answers for other origins must not be shared by caches, hence Vary.
void add_cors_headers(const Cors& cors, std::string_view origin, Headers& headers);

// OPTIONS with Origin and Access-Control-Request-Method: 204 with what is allowed, 403 for a foreign origin.
[[nodiscard]] Response preflight(const Cors& cors, std::string_view origin);

}  // namespace dunetrace::http
